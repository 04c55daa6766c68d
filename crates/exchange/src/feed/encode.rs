//! Values as the protocol spells them, written straight into a buffer.

use std::io::{self, Write};

use daybook_book::{ExchangeTime, Money, Price, Quantity};
use serde::Serialize;

use super::Uuid;

/// Writes values into a buffer that is to become JSON.
pub(super) trait Encode {
    /// Bytes as they are.
    fn raw(&mut self, bytes: &[u8]);
    /// An integer.
    fn int(&mut self, value: impl itoa::Integer);
    /// `"0.4800"`.
    fn price(&mut self, price: Price);
    /// `"-12.50"`.
    fn quantity(&mut self, quantity: Quantity);
    /// `"0.010000"`.
    fn money(&mut self, money: Money);
    /// A UUID in quotes.
    fn uuid(&mut self, id: Uuid);
    /// `"2026-08-11T00:30:42.445624Z"`.
    fn stamp(&mut self, time: ExchangeTime);
    /// Whatever serde can write: strings above all.
    fn json(&mut self, value: &(impl Serialize + ?Sized));
}

impl Encode for Vec<u8> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn int(&mut self, value: impl itoa::Integer) {
        self.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline]
    fn price(&mut self, price: Price) {
        let value = price.ten_thousandths();
        let mut text = *b"\"0.0000\"";
        text[1] = digit(u32::from(value / 10_000));
        let [high, low] = [u32::from(value % 10_000 / 100), u32::from(value % 100)];
        text[3..5].copy_from_slice(&pair(high));
        text[5..7].copy_from_slice(&pair(low));
        self.extend_from_slice(&text);
    }

    #[inline]
    fn quantity(&mut self, quantity: Quantity) {
        let value = quantity.hundredths();
        let size = value.unsigned_abs();
        self.extend_from_slice(if value < 0 { b"\"-" } else { b"\"" });
        self.int(size / 100);
        let [tens, ones] = pair((size % 100) as u32);
        self.extend_from_slice(&[b'.', tens, ones, b'"']);
    }

    fn money(&mut self, money: Money) {
        // Six places is how money's own text form is.
        let written: io::Result<()> = write!(self, "\"{money}\"");
        debug_assert!(written.is_ok(), "a vector takes every byte");
    }

    #[inline]
    fn uuid(&mut self, id: Uuid) {
        self.push(b'"');
        self.extend_from_slice(&id.text());
        self.push(b'"');
    }

    fn stamp(&mut self, time: ExchangeTime) {
        let micros = time.micros();
        let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as u32);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
        let (year, month, day) = civil(days);
        let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
        text[1..3].copy_from_slice(&pair(year / 100));
        text[3..5].copy_from_slice(&pair(year % 100));
        text[6..8].copy_from_slice(&pair(month));
        text[9..11].copy_from_slice(&pair(day));
        text[12..14].copy_from_slice(&pair(second / 3_600));
        text[15..17].copy_from_slice(&pair(second / 60 % 60));
        text[18..20].copy_from_slice(&pair(second % 60));
        text[21..23].copy_from_slice(&pair(fraction / 10_000));
        text[23..25].copy_from_slice(&pair(fraction / 100 % 100));
        text[25..27].copy_from_slice(&pair(fraction % 100));
        self.extend_from_slice(&text);
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        let written = serde_json::to_writer(&mut *self, value);
        debug_assert!(written.is_ok(), "a vector takes every byte, and every key here is a string");
    }
}

#[inline]
fn digit(value: u32) -> u8 {
    b'0' + (value % 10) as u8
}

#[inline]
fn pair(value: u32) -> [u8; 2] {
    [digit(value / 10), digit(value)]
}

/// Year, month and day of a count of days since the Unix epoch, by the proleptic Gregorian calendar. Years before 0 and
/// after 9999, which no exchange has, come out modulo 10 000.
fn civil(days: i64) -> (u32, u32, u32) {
    // Counted from 0000-03-01, so that the leap day ends the year, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year.rem_euclid(10_000) as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_stamp_is_as_captured_frames_have_it() {
        let stamp = text(|out| out.stamp(ExchangeTime::from_micros(1_786_408_242_445_624)));
        assert_eq!(stamp, "\"2026-08-11T00:30:42.445624Z\"");
    }

    proptest! {
        #[test]
        fn values_are_written_as_their_types_display_them(
            price in 0u16..=10_000, quantity: i64, micros in -62_000_000_000_000_000i64..250_000_000_000_000_000, id: u128,
        ) {
            let price = Price::from_ten_thousandths(price).unwrap();
            prop_assert_eq!(text(|out| out.price(price)), format!("\"{price}\""));
            let quantity = Quantity::from_hundredths(quantity);
            prop_assert_eq!(text(|out| out.quantity(quantity)), format!("\"{quantity}\""));
            let stamp = jiff::Timestamp::from_microsecond(micros).unwrap();
            let written = text(|out| out.stamp(ExchangeTime::from_micros(micros)));
            prop_assert_eq!(written, format!("\"{stamp:.6}\""));
            prop_assert_eq!(Uuid::parse(&Uuid(id).to_string()), Some(Uuid(id)));
        }
    }

    #[test]
    fn what_is_no_uuid_is_none() {
        for text in ["", "11111111-2222-4333-8444-55555555555", "1111111122224333844455555555555500000", "é"] {
            assert_eq!(Uuid::parse(text), None);
        }
        assert_eq!(Uuid::parse("11111111-2222-4333-8444-55555555555g"), None);
    }
}
