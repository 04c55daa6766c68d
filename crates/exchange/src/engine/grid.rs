//! Which prices a market takes: bands of equal steps, as the venue's `price_ranges` state them.

use std::sync::Arc;

use daybook_book::Price;

/// Prices from `start` to `end`, every `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PriceBand {
    /// The lowest price.
    pub start: Price,
    /// The highest price; the next band begins with it.
    pub end: Price,
    /// From one price to the next; divides the band's width.
    pub step: Price,
}

/// The valid prices of a market: those of its bands, strictly between $0 and $1. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PriceGrid {
    bands: Arc<[PriceBand]>,
}

/// Why bands are no grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceGridError {
    /// There is no band.
    #[error("a price grid needs a band")]
    Empty,
    /// A band ends before it starts, or its step does not divide it.
    #[error("the step {} does not divide the band from {} to {}", .0.step, .0.start, .0.end)]
    Uneven(PriceBand),
    /// The bands leave a hole, overlap, or do not reach from $0 to $1.
    #[error("price bands must follow each other from 0.0000 to 1.0000, and none begins at {0}")]
    Uncovered(Price),
}

/// A band in ten-thousandths of a dollar: start, end, step.
type Band = (u16, u16, u16);

impl PriceGrid {
    /// A grid of these bands, lowest first.
    ///
    /// # Errors
    /// Bands that do not follow each other from $0 to $1, or are no whole number of steps.
    pub fn new(bands: impl IntoIterator<Item = PriceBand>) -> Result<PriceGrid, PriceGridError> {
        let bands: Arc<[PriceBand]> = bands.into_iter().collect();
        let mut reached = Price::ZERO;
        for &band in &*bands {
            if band.start != reached {
                return Err(PriceGridError::Uncovered(reached));
            }
            let step = band.step.ten_thousandths();
            let width = band.end.ten_thousandths().checked_sub(band.start.ten_thousandths()).filter(|&width| width > 0);
            if step == 0 || width.is_none_or(|width| width % step != 0) {
                return Err(PriceGridError::Uneven(band));
            }
            reached = band.end;
        }
        match reached {
            Price::ONE => Ok(PriceGrid { bands }),
            Price::ZERO => Err(PriceGridError::Empty),
            reached => Err(PriceGridError::Uncovered(reached)),
        }
    }

    fn known(bands: &[Band]) -> PriceGrid {
        let price = |value| Price::from_ten_thousandths(value).expect("the tables below hold prices");
        let bands = bands.iter().map(|&(start, end, step)| PriceBand {
            start: price(start),
            end: price(end),
            step: price(step),
        });
        PriceGrid::new(bands).expect("the tables below are grids")
    }

    /// Whole cents, `linear_cent`.
    pub fn linear_cent() -> PriceGrid {
        PriceGrid::known(&[(0, 10_000, 100)])
    }

    /// The grid that the venue gives a label of `price_level_structure`; `None` for one whose bands it has not
    /// documented. An empty label is not known either: the bands themselves are what counts.
    pub fn of_structure(label: &str) -> Option<PriceGrid> {
        let edges = |edge, centre| [(0, 1_000, edge), (1_000, 9_000, centre), (9_000, 10_000, edge)];
        let grid = |edge, centre| PriceGrid::known(&edges(edge, centre));
        Some(match label {
            "linear_cent" => PriceGrid::linear_cent(),
            "deci_cent" => PriceGrid::known(&[(0, 10_000, 10)]),
            "tapered_deci_cent" => grid(10, 100),
            "center_whole_edge_half_cent" => grid(50, 100),
            "center_whole_edge_quint_cent" => grid(20, 100),
            "center_half_edge_half_cent" => grid(50, 50),
            "center_half_edge_quint_cent" => grid(20, 50),
            "center_half_edge_deci_cent" => grid(10, 50),
            "center_quint_edge_quint_cent" => grid(20, 20),
            "center_quint_edge_deci_cent" => grid(10, 20),
            "center_centi_edge_centi_cent" => PriceGrid::known(&[(0, 10_000, 1)]),
            "center_deci_edge_centi_cent" => PriceGrid::known(&[(0, 100, 1), (100, 9_900, 10), (9_900, 10_000, 1)]),
            _ => return None,
        })
    }

    /// Its bands, lowest first.
    pub fn bands(&self) -> &[PriceBand] {
        &self.bands
    }

    /// Whether an order can have this price: strictly between $0 and $1, and on a step.
    pub fn contains(&self, price: Price) -> bool {
        price != Price::ZERO && price != Price::ONE && self.floor(price) == price
    }

    /// The lowest valid price above `price`; `None` where there is none.
    pub fn next_up(&self, price: Price) -> Option<Price> {
        let band = self.bands.iter().find(|band| price < band.end)?;
        let (start, step) = (band.start.ten_thousandths(), band.step.ten_thousandths());
        let steps = (price.ten_thousandths() - start) / step + 1;
        Price::from_ten_thousandths(start + steps * step).filter(|&next| next < Price::ONE)
    }

    /// The highest valid price below `price`; `None` where there is none.
    pub fn next_down(&self, price: Price) -> Option<Price> {
        let below = Price::from_ten_thousandths(price.ten_thousandths().checked_sub(1)?)?;
        Some(self.floor(below)).filter(|&next| next > Price::ZERO)
    }

    /// The highest price of the bands, $0 and $1 among them, that is not above `price`.
    fn floor(&self, price: Price) -> Price {
        let Some(band) = self.bands.iter().rev().find(|band| band.start <= price) else { return Price::ZERO };
        let (start, step) = (band.start.ten_thousandths(), band.step.ten_thousandths());
        let steps = (price.ten_thousandths() - start) / step;
        Price::from_ten_thousandths(start + steps * step).unwrap_or(Price::ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [&str; 12] = [
        "linear_cent",
        "deci_cent",
        "tapered_deci_cent",
        "center_whole_edge_half_cent",
        "center_whole_edge_quint_cent",
        "center_half_edge_half_cent",
        "center_half_edge_quint_cent",
        "center_half_edge_deci_cent",
        "center_quint_edge_quint_cent",
        "center_quint_edge_deci_cent",
        "center_centi_edge_centi_cent",
        "center_deci_edge_centi_cent",
    ];

    fn prices() -> impl Iterator<Item = Price> {
        (0..=10_000).map(|value| Price::from_ten_thousandths(value).unwrap())
    }

    /// Every price of the bands, written out.
    fn written_out(grid: &PriceGrid) -> Vec<Price> {
        let mut all: Vec<u16> = Vec::new();
        for band in grid.bands() {
            let mut price = band.start.ten_thousandths();
            while price <= band.end.ten_thousandths() {
                all.push(price);
                price += band.step.ten_thousandths();
            }
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter()
            .filter(|&price| price > 0 && price < 10_000)
            .map(|p| Price::from_ten_thousandths(p).unwrap())
            .collect()
    }

    #[test]
    fn every_structure_agrees_with_its_prices_written_out() {
        for label in LABELS {
            let grid = PriceGrid::of_structure(label).unwrap();
            let all = written_out(&grid);
            for price in prices() {
                assert_eq!(grid.contains(price), all.contains(&price), "{label} {price}");
                assert_eq!(grid.next_up(price), all.iter().copied().find(|&p| p > price), "{label} {price}");
                assert_eq!(grid.next_down(price), all.iter().copied().rev().find(|&p| p < price), "{label} {price}");
                // A bid for NO at the complement must be possible, and whole cents always are.
                assert_eq!(grid.contains(price), grid.contains(price.complement()), "{label} {price}");
            }
            assert!((1..100).all(|cents| grid.contains(Price::from_cents(cents).unwrap())), "{label}");
        }
        assert_eq!(PriceGrid::of_structure("banded_centi_cent"), None);
    }

    #[test]
    fn the_number_of_prices_of_each_structure() {
        let counts = LABELS.map(|label| written_out(&PriceGrid::of_structure(label).unwrap()).len());
        assert_eq!(counts, [99, 999, 279, 119, 179, 199, 259, 359, 499, 599, 9_999, 1_179]);
    }

    #[test]
    fn bands_that_are_no_grid() {
        let band = |start: &str, end: &str, step: &str| PriceBand {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
            step: step.parse().unwrap(),
        };
        let error = |bands: &[PriceBand]| PriceGrid::new(bands.iter().copied()).unwrap_err().to_string();
        assert_eq!(error(&[]), "a price grid needs a band");
        assert_eq!(error(&[band("0", "1", "0")]), "the step 0.0000 does not divide the band from 0.0000 to 1.0000");
        assert_eq!(error(&[band("0", "1", "0.03")]), "the step 0.0300 does not divide the band from 0.0000 to 1.0000");
        assert_eq!(error(&[band("0", "0", "0.01")]), "the step 0.0100 does not divide the band from 0.0000 to 0.0000");
        let uncovered = "price bands must follow each other from 0.0000 to 1.0000, and none begins at ";
        assert_eq!(error(&[band("0", "0.5", "0.01")]), format!("{uncovered}0.5000"));
        assert_eq!(error(&[band("0", "0.5", "0.01"), band("0.6", "1", "0.01")]), format!("{uncovered}0.5000"));
        assert_eq!(error(&[band("0.1", "1", "0.01")]), format!("{uncovered}0.0000"));
    }
}
