//! Numbers as small bars, and spans of time in one word.

use std::time::Duration;

/// Eighths of a character.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// How long a full bar is, in characters.
const LENGTH: f64 = 10.0;

/// A share of 0..=1 as a bar; what is more than nothing shows at least a sliver.
pub(super) fn bar(share: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 80"
    )]
    let eighths = (share.clamp(0.0, 1.0) * LENGTH * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let mut bar = String::from('█').repeat(eighths / 8);
    bar.extend(
        eighths
            .checked_rem(8)
            .filter(|rest| *rest > 0)
            .map(|rest| EIGHTHS[rest - 1]),
    );
    bar
}

/// A span in the largest unit that fits: `90s`, `3h`, `12d`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}min", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        for (share, expected) in [
            (0.0, ""),
            (1e-9, "▏"),
            (0.05, "▌"),
            (0.5, "█████"),
            (1.0, "██████████"),
            (7.0, "██████████"),
            (f64::NAN, ""),
        ] {
            assert_eq!(bar(share), expected, "{share}");
        }
    }

    #[test]
    fn a_span_has_one_unit() {
        for (seconds, expected) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2min"),
            (7_199, "119min"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
