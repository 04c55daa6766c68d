//! Frames read per second on one core, by each reader, on generated frames and on captured ones.
//!
//! `cargo bench -p daybook-kalshi`; captured frames are read where `tests/captures` finds them.

#[path = "../tests/captures/mod.rs"]
mod captures;
#[path = "../tests/reading/mod.rs"]
mod reading;

use std::{hint::black_box, time::Instant};

use daybook_kalshi::{CaptureLine, Frame, WrapperFields};
use rand::{Rng, SeedableRng, rngs::SmallRng};

const FRAMES: usize = 200_000;
const ROUNDS: usize = 5;

fn main() {
    let deltas = deltas(false);
    measure("generated deltas, scanner", &deltas, |frame| drop(black_box(Frame::parse(frame))));
    measure("generated deltas, general reader", &deltas, |frame| drop(black_box(Frame::parse_generally(frame))));
    measure("generated deltas, serde_json::Value alone", &deltas, |frame| {
        drop(black_box(serde_json::from_slice::<serde_json::Value>(frame)));
    });
    measure("generated deltas, reading by Value", &deltas, |frame| drop(black_box(reading::read(frame))));
    measure("generated deltas of October 2026, scanner", &self::deltas(true), |frame| {
        drop(black_box(Frame::parse(frame)));
    });

    let Some(lines) = captures::lines() else { return };
    let lines: Vec<Vec<u8>> = lines.map(|(_, line)| line).take(FRAMES).collect();
    let fields = WrapperFields::default();
    let frames: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| CaptureLine::parse(line, &fields).expect("captured lines are read").frame.into_owned())
        .collect();
    measure("captured frames, scanner", &frames, |frame| drop(black_box(Frame::parse(frame))));
    measure("captured frames, general reader", &frames, |frame| drop(black_box(Frame::parse_generally(frame))));
    measure("captured frames, reading by Value", &frames, |frame| drop(black_box(reading::read(frame))));
    measure("captured lines, wrapper and scanner", &lines, |line| {
        let captured = CaptureLine::parse(line, &fields).expect("captured lines are read");
        let _ = black_box(Frame::parse(&captured.frame));
    });
}

/// The best of some rounds over all frames.
fn measure(name: &str, frames: &[Vec<u8>], mut read: impl FnMut(&[u8])) {
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            frames.iter().for_each(|frame| read(frame));
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    let nanos = best.as_nanos().max(1);
    let per_second = frames.len() as u128 * 1_000_000_000 / nanos;
    println!(
        "{name:<45} {:>3}.{:02} M frames/s  {:>5} MB/s  {:>4} bytes a frame",
        per_second / 1_000_000,
        per_second / 10_000 % 100,
        bytes as u128 * 1_000 / nanos,
        bytes / frames.len().max(1),
    );
}

/// Deltas as the venue sends them; `newest`: with the fields of October 2026.
fn deltas(newest: bool) -> Vec<Vec<u8>> {
    let mut random = SmallRng::seed_from_u64(1);
    let mut millis = 1_772_600_767_000u64;
    let deltas = (1..=FRAMES).map(|seq| {
        millis += random.random_range(0..3);
        let (sent, clock) = match newest {
            true => (format!(",\"sending_ts_ms\":{millis}"), format!(",\"clock\":{seq}")),
            false => Default::default(),
        };
        let (whole, cents) = (random.random_range(-2_000..2_000), random.random_range(0..100));
        let micros = random.random_range(0..1_000);
        let (minute, second, milli) = (millis / 60_000 % 60, millis / 1_000 % 60, millis % 1_000);
        let hours = millis / 3_600_000;
        // 492 384 hours after the epoch it is 2026-03-04T00:00.
        let (day, hour) = (4 + (hours - 492_384) / 24, (hours - 492_384) % 24);
        format!(
            "{{\"type\":\"orderbook_delta\"{sent},\"sid\":1,\"seq\":{seq},\"msg\":{{\"market_ticker\":\"KXGOLD15M-26MAR04{:04}-{:02}\",\"market_id\":\"0b7c5a2e-4f61-4d83-9a10-{:012x}\"{clock},\"price_dollars\":\"0.{:02}00\",\"delta_fp\":\"{whole}.{cents:02}\",\"side\":\"{}\",\"ts\":\"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}{micros:03}Z\",\"ts_ms\":{millis}}}}}",
            random.random_range(0..2_400),
            random.random_range(0..60),
            random.random::<u64>() >> 16,
            random.random_range(1..100),
            if random.random() { "yes" } else { "no" },
        )
        .into_bytes()
    });
    deltas.collect()
}
