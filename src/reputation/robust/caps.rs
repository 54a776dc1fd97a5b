//! Nested caps of first-hand evidence: all peers proven up to mass m together say at most
//! `cap0 + cap1 m` on a side. So many weakly proven peers cannot outshout a well proven one.

use super::RobustParameters;

/// For each `(mass, evidence)`, in order of time, the share of its evidence that fits.
pub fn nested_caps(items: &[(f64, f64)], p: &RobustParameters) -> Vec<f64> {
    let mut shares = vec![1.0; items.len()];
    let mut order = Vec::with_capacity(items.len());
    let says = items
        .iter()
        .enumerate()
        .filter(|(_, (_, says))| *says != 0.0);
    order.extend(says.map(|(item, (mass, _))| (rank(*mass), item)));
    order.sort_unstable();
    let (mut malicious, mut benign) = (0.0_f64, 0.0_f64);
    for (_, item) in order {
        let (mass, evidence) = items[item];
        let said = if evidence > 0.0 {
            &mut malicious
        } else {
            &mut benign
        };
        let fits = (*said + evidence.abs()).min(said.max(p.cap0 + p.cap1 * mass));
        shares[item] = (fits - *said) / evidence.abs();
        *said = fits;
    }
    shares
}

/// A whole number in the order of [`f64::total_cmp`]: quicker to sort by.
fn rank(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    // Of negative numbers the larger ones come first.
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_stand_in_the_order_of_the_numbers() {
        let mut numbers = [0.0, 1e-300, 0.5, 1.0, 1.5, 1e300, f64::INFINITY].to_vec();
        numbers.extend(numbers.clone().iter().map(|number| -number));
        for (one, other) in numbers
            .iter()
            .flat_map(|a| numbers.iter().map(move |b| (a, b)))
        {
            assert_eq!(
                rank(*one).cmp(&rank(*other)),
                one.total_cmp(other),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_crowd_of_weakly_proven_peers_says_no_more_than_its_mass_allows() {
        let p = RobustParameters::default();
        let crowd = vec![(1.0, 0.5); 1000];
        let sum: f64 = nested_caps(&crowd, &p)
            .iter()
            .zip(&crowd)
            .map(|(share, (_, evidence))| share * evidence)
            .sum();
        assert!((sum - (p.cap0 + p.cap1)).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_well_proven_peer_is_heard_beside_a_crowd_and_each_side_by_itself() {
        let p = RobustParameters::default();
        let items = [(1.0, 0.5), (1.0, 0.5), (10.0, 2.0), (1.0, -0.5), (3.0, 0.0)];
        let shares = nested_caps(&items, &p);
        for (share, expected) in shares.iter().zip([1.0, 0.6, 1.0, 1.0, 1.0]) {
            assert!((share - expected).abs() < 1e-12, "{shares:?}");
        }
    }
}
