//! The weather index that some markets are settled by. Its times are milliseconds.

use crate::rest::value::{Decimal, StationId, UnixMillis, query, record};

record! {
    /// A city's index. Schema `GetWeatherIndexResponse`.
    pub struct WeatherIndex {
        /// The city.
        pub city: String,
        /// The configuration of the newest point; empty without any point.
        pub config_version: Option<String>,
        /// `fahrenheit`.
        pub units: String,
        /// Oldest first.
        pub timeseries: Vec<WeatherPoint>,
    }
}

record! {
    /// The index at one minute. Schema `WeatherIndexPoint`.
    pub struct WeatherPoint {
        /// The minute.
        pub t: UnixMillis,
        /// The index in degrees Fahrenheit; absent on an incomplete point.
        pub v: Option<Decimal>,
        /// `normal`, `degraded` or `incomplete`.
        pub status: String,
        /// How many stations it was made from.
        pub contributors: Option<u32>,
        /// How the receipt of readings was reconstructed, on points from before the index went live.
        pub receipt_basis: Option<String>,
        /// What every station said; only where the query asked for it.
        pub stations: Option<Vec<StationReading>>,
    }
}

record! {
    /// What a station said. Schema `WeatherIndexStationReading`.
    pub struct StationReading {
        /// The station.
        pub station_id: StationId,
        /// What became of its reading: `ok`, `missing`, `late`, or why it was refused.
        pub code: String,
        /// Where the reading came from.
        pub source: Option<String>,
        /// The temperature in degrees Fahrenheit.
        pub temp_f: Option<Decimal>,
        /// When it was observed, if not at the very minute.
        pub obs_time_ms: Option<UnixMillis>,
        /// When it was received.
        pub received_at_ms: Option<UnixMillis>,
        /// Why another reading was taken in its place.
        pub primary_code: Option<String>,
    }
}

record! {
    /// How a city's index is computed. Schema `GetWeatherIndexCalibrationsResponse`.
    pub struct WeatherCalibrations {
        /// The city.
        pub city: String,
        /// `celsius`: the unit of the offsets.
        pub units: String,
        /// Oldest first.
        pub calibrations: Vec<WeatherCalibration>,
    }
}

record! {
    /// One configuration of an index. Schema `WeatherIndexCalibration`.
    pub struct WeatherCalibration {
        /// Its name.
        pub config_version: String,
        /// When it was published.
        pub published_at_ms: Option<UnixMillis>,
        /// From when on it holds.
        pub effective_at_ms: UnixMillis,
        /// Why it changed.
        pub change_reason: Option<String>,
        /// From when on readings were used to compute it.
        pub calibration_window_start_ms: Option<UnixMillis>,
        /// Until when, not included.
        pub calibration_window_end_ms: Option<UnixMillis>,
        /// The weighted sum of the offsets, in degrees Celsius.
        pub city_reference_c: Decimal,
        /// Its stations.
        pub stations: Vec<CalibrationStation>,
    }
}

record! {
    /// A station's part in an index. Schema `WeatherIndexCalibrationStation`.
    pub struct CalibrationStation {
        /// The station.
        pub station_id: StationId,
        /// Its weight; all together are 1.
        pub weight: Decimal,
        /// How much warmer than the others it usually is, in degrees Celsius.
        pub offset_c: Decimal,
        /// What the last calibration did to it.
        pub update_note: Option<String>,
    }
}

query! {
    /// Which minutes of an index. Query of operation `GetWeatherIndex`.
    pub struct WeatherQuery {}
    optional {
        /// From this time on.
        pub from: Option<UnixMillis>,
        /// Until this time.
        pub to: Option<UnixMillis>,
        /// The last so many seconds; not together with the other two.
        pub last_sec: Option<u64>,
        /// With every station's reading.
        pub detailed: Option<bool>,
    }
}
