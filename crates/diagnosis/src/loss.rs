//! How sure a loss is that was counted in a series.

/// How much of each side is left out: 95 in 100 lie between.
const TAIL: f64 = 0.025;

/// How narrow the interval's ends are pinned down.
const STEPS: u32 = 40;

/// The share that is lost, from and to, 95 in 100 sure: the exact interval of Clopper and Pearson
/// (Biometrika 26, 1934, 404). Both 0 to 1; `None` for an empty series.
pub fn loss_interval(lost: u32, sent: u32) -> Option<(f64, f64)> {
    if sent == 0 || lost > sent {
        return None;
    }
    // Where so many or more are as unlikely as TAIL, and where so many or fewer are.
    let from =
        if lost == 0 { 0.0 } else { bisect(|share| 1.0 - at_most(lost - 1, sent, share) < TAIL) };
    let to = if lost == sent { 1.0 } else { bisect(|share| at_most(lost, sent, share) > TAIL) };
    Some((from, to))
}

/// The share at which `below` ceases to hold.
fn bisect(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// How likely it is that at most so many of a series are lost.
fn at_most(lost: u32, sent: u32, share: f64) -> f64 {
    if share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return 0.0;
    }
    // Each term from the one before it; by logarithms, or the first would be zero.
    let odds = (share / (1.0 - share)).ln();
    let mut term = f64::from(sent) * (1.0 - share).ln();
    let mut sum = term.exp();
    for count in 1..=lost {
        term += odds + (f64::from(sent - count + 1) / f64::from(count)).ln();
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::loss_interval;

    /// Values of the tables: 10 of 200, none of 12, all of 3.
    #[test]
    fn known_intervals() {
        for (lost, sent, from, to) in
            [(10, 200, 0.0242, 0.0900), (0, 12, 0.0, 0.2646), (3, 3, 0.2924, 1.0)]
        {
            let (low, high) = loss_interval(lost, sent).expect("a series");
            assert!((low - from).abs() < 0.0002 && (high - to).abs() < 0.0002, "{low} {high}");
        }
        assert_eq!(loss_interval(0, 0), None);
        assert!(loss_interval(15_000, 30_000).is_some_and(|(low, high)| low < 0.5 && high > 0.5));
    }
}
