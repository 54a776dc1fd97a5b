//! Nested caps of first-hand evidence: all peers proven up to mass m together say at most
//! `cap0 + cap1 m` on a side. So many weakly proven peers cannot outshout a well proven one.

use super::RobustParameters;

/// For each `(mass, evidence)`, in order of time, the share of its evidence that fits.
pub fn nested_caps(items: &[(f64, f64)], p: &RobustParameters) -> Vec<f64> {
    let mut shares = vec![1.0; items.len()];
    let mut order: Vec<usize> = (0..items.len())
        .filter(|&item| items[item].1 != 0.0)
        .collect();
    order.sort_by(|&a, &b| items[a].0.total_cmp(&items[b].0));
    let (mut malicious, mut benign) = (0.0_f64, 0.0_f64);
    for item in order {
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

#[cfg(test)]
mod tests {
    use super::*;

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
