//! What `robust` can be told.

use crate::reputation::parameters::parameters;

parameters! {
    /// Parameters of `robust`, under the names the specification gives them. Where the origin says
    /// "tuned", it was tuned on a small part of a synthetic benchmark; results are flat around it.
    RobustParameters, "robust";
    numbers {
        "pi0" pi0 = 0.5 in 0.001 to 0.999,
            "Share of malicious addresses among those reported, before anything is known.",
            "the middle; set it to the base rate where malicious addresses are rare";
        "k0" k0 = 2.0 in 0.01 to 1000.0,
            "Strength of what is assumed of a newcomer, in reports.", "tuned";
        "sens0" sens0 = 0.58 in 0.5 to 0.999,
            "Share of malicious addresses a newcomer is taken to call malicious.", "tuned";
        "spec0" spec0 = 0.60 in 0.5 to 0.999,
            "Share of benign addresses a newcomer is taken to call benign.", "tuned";
        "kf" kf = 2.0 in 0.01 to 1000.0,
            "Strength that pulls the fast window to the slow one, in reports.", "PeerTrust's two windows; tuned";
        "n_half" n_half = 1.5 in 0.01 to 1000.0,
            "Mass of feedback after which a peer is half proven.", "tuned";
        "wrho" wrho = 0.5 in 0.0 to 10.0,
            "How much a mass of agreement with others counts towards being proven.", "tuned";
        "b" b = 1.0 in 0.0 to 20.0,
            "The most that all unproven reporters together may say, in log-odds.", "Douceur: identities are free; tuned";
        "b2" b2 = 1.2 in 0.0 to 20.0,
            "The most that all reporters proven at second hand may say, in log-odds.", "tuned";
        "cap0" cap0 = 0.3 in 0.0 to 20.0,
            "Nested caps: reporters proven up to mass m give at most cap0 + cap1 m on a side, in log-odds.", "tuned";
        "cap1" cap1 = 0.5 in 0.0 to 20.0,
            "See cap0; log-odds for each unit of mass.", "tuned";
        "tau_new" tau_new = 1.0 in 0.001 to 365.0,
            "Days after which an unproven peer has about half its voice.", "tuned";
        "kappa" kappa = 0.3 in 0.0 to 1.0,
            "How far consistent liars are read backwards; 0 ignores them, the conservative choice.", "tuned";
        "half_l" half_l = 10.0 in 0.01 to 3650.0,
            "Days after which agreement with our own Slips counts half, slow window.", "tuned";
        "half_lf" half_lf = 1.25 in 0.01 to 3650.0,
            "Days after which agreement with our own Slips counts half, fast window.", "tuned";
        "half_c" half_c = 5.0 in 0.01 to 3650.0,
            "Days after which agreement with proven peers counts half, slow window.", "tuned";
        "half_cf" half_cf = 0.75 in 0.01 to 3650.0,
            "Days after which agreement with proven peers counts half, fast window.", "tuned";
        "omega" omega = 1.0 in 0.0 to 10.0,
            "Weight of agreement with proven peers beside agreement with our own Slips.", "tuned";
        "cmax" cmax = 30.0 in 0.0 to 10000.0,
            "The most that agreement with proven peers may count, as mass.", "tuned";
        "sweep_h" sweep_h = 6.0 in 0.1 to 8760.0,
            "Hours between two rebuilds of the agreement with proven peers.", "tuned";
        "window" window = 14.0 in 0.1 to 3650.0,
            "Days an address may be silent and still take part in a rebuild.", "tuned";
        "m0" m0 = 1.5 in 0.01 to 1000.0,
            "Mass of own statements after which a majority of unproven peers proves nobody.", "tuned";
        "loc_acc" loc_acc = 0.9 in 0.5 to 0.999,
            "How often our own Slips is taken to be right.", "a guess";
        "fb_half" fb_half = 7.0 in 0.01 to 3650.0,
            "Days between a report and our own statement after which they prove half as much.", "tuned";
        "echo" echo = 0.7 in 0.0 to 1.0,
            "Credit for agreeing with what we had already said.", "tuned";
        "echo_e0" echo_e0 = 1.5 in 0.01 to 1000.0,
            "Mass of early agreement after which half that credit is given.", "tuned";
        "echo_pen" echo_pen = 0.3 in 0.0 to 1.0,
            "The least that contradicting what we had already said counts.", "tuned";
        "hazard" hazard = 0.05 in 0.0 to 10.0,
            "Chance a day that an address changes sides.", "tuned";
        "t" temper = 1.5 in 0.01 to 100.0,
            "Sharpness of a reporter's evidence.", "tuned";
        "gam" gam = 2.0 in 0.01 to 100.0,
            "Sharpness of what proven peers agree on.", "tuned";
        "tau" tau = 1.4 in 0.01 to 100.0,
            "Sharpness of the answer.", "tuned for calibration at 30-50 % malicious addresses";
        "lmax" lmax = 3.0 in 0.01 to 20.0,
            "The most one report may say, in log-odds before sharpening.", "tuned";
        "refresh_h" refresh_h = 24.0 in 0.0 to 8760.0,
            "Hours during which repeating a statement changes nothing.", "tuned";
        "prev_h" prev_h = 12.0 in 0.0 to 8760.0,
            "Hours during which a statement once replaced cannot come back.", "tuned";
        "dep_eps" dep_eps = 0.1 in 0.0 to 1.0,
            "Two statements this near count as the same when copies are looked for.", "Dong et al. 2009; tuned";
        "dep_fb" dep_fb = 0.3 in 0.0 to 1.0,
            "The least a copy proves of its author.", "tuned";
        "disp" disp = 0.33 in 0.01 to 0.5,
            "Share of the weaker side from which on reporters fully disagree about an address.", "a guess: one of three";
        "calm" calm = 0.2 in 0.0 to 1.0,
            "How much of what a peer proved where nobody disagreed counts in a dispute; 1: all of it.", "tuned";
        "unity" unity = 0.7 in 0.01 to 1.0,
            "Share of the evidence that is left over against the other side's from which on an address is as bad, or as harmless, as it is said to be.", "tuned";
        "chorus" chorus = 1.0 in 0.0 to 100.0,
            "What each further proven reporter on the same side adds to how bad, or how harmless, an address is, in reports.", "tuned";
        "anchor_mass" anchor_mass = 10.0 in 0.0 to 1000.0,
            "First-hand mass for each coin of a peer the operator trusts fully.", "specification, section 8";
        "anchor_gate" anchor_gate = 1.0 in 0.0 to 100.0,
            "Sum of the operator's trust in peers after which a majority of unproven peers proves nobody; 0: trusted peers do not end that.",
            "a guess: one peer trusted fully knows better than a majority of unknown ones";
    }
    wholes {
        "prev_max" prev_max = 4 in 0 to 64,
            "How many replaced statements of a peer on an address are remembered.", "tuned";
        "dep_max" dep_max = 64 in 0 to 1024,
            "How many others a peer is compared with when copies are looked for.", "tuned";
    }
    words {}
}
