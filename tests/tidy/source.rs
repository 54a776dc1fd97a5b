//! Reads Rust just well enough for the rules: text without comments and literals, words, and names reached from the crate's root.

/// The code with comments and the insides of literals blanked; every byte keeps its line.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip_from(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// Where the comment or literal that starts here ends; `at` itself when none starts.
fn skip_from(chars: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    let starts_word = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(1, '/') => find(chars, at, |i| chars[i] == '\n'),
        '/' if is(1, '*') => block_comment(chars, at),
        '"' => quoted(chars, at + 1, '"'),
        'r' | 'b' | 'c' if starts_word => literal_with_prefix(chars, at),
        // A lifetime (`'a`) has no closing quote right behind its one letter; a char does.
        '\'' if is(1, '\\') => quoted(chars, at + 1, '\''),
        '\'' if is(2, '\'') => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, stop: impl Fn(usize) -> bool) -> usize {
    (from..chars.len())
        .find(|i| stop(*i))
        .unwrap_or(chars.len())
}

fn block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn quoted(chars: &[char], mut i: usize, quote: char) -> usize {
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// `r"..."`, `r#"..."#`, `b"..."`, `br#"..."#`, `c"..."`.
fn literal_with_prefix(chars: &[char], at: usize) -> usize {
    let quote = find(chars, at, |i| !matches!(chars[i], 'r' | 'b' | 'c'));
    let hashes = find(chars, quote, |i| chars[i] != '#') - quote;
    let open = quote + hashes;
    if quote - at > 2 || chars.get(open) != Some(&'"') {
        return at;
    }
    if !chars[at..quote].contains(&'r') {
        return if hashes == 0 {
            quoted(chars, open + 1, '"')
        } else {
            at
        };
    }
    let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|n| chars.get(i + n) == Some(&'#'));
    (find(chars, open + 1, closes) + 1 + hashes).min(chars.len())
}

/// A word or one mark, with the line it is on.
#[derive(Debug, Clone)]
pub struct Word {
    pub text: String,
    pub line: usize,
}

/// The words and marks of code without comments; `::` is one mark.
pub fn words(code: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            words.push(Word {
                text: rest[..length].to_owned(),
                line: number + 1,
            });
            rest = rest[length..].trim_start();
        }
    }
    words
}

/// First names behind the crate's root: `crate::x`, `slips_p2p::{x, y::z}`, `super::super::x`. `depth` is how deep the file's module lies.
pub fn named_rooms(words: &[Word], depth: usize) -> Vec<Word> {
    let mut found = Vec::new();
    let mut inner: Vec<usize> = Vec::new();
    let mut braces = 0;
    for at in 0..words.len() {
        match words[at].text.as_str() {
            "{" => {
                braces += 1;
                if at >= 2 && words[at - 2].text == "mod" {
                    inner.push(braces);
                }
            }
            "}" => {
                if inner.last() == Some(&braces) {
                    inner.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "crate" | "slips_p2p" => found.extend(names_behind(words, at + 1)),
            "super" if at < 2 || words[at - 2].text != "super" => {
                let climbs = words[at..]
                    .iter()
                    .step_by(2)
                    .take_while(|w| w.text == "super")
                    .count();
                if climbs == depth + inner.len() {
                    found.extend(names_behind(words, at + 2 * climbs - 1));
                }
            }
            _ => {}
        }
    }
    found
}

/// The names that follow a `::` at `at`: one, or the heads of a group.
pub fn names_behind(words: &[Word], at: usize) -> Vec<Word> {
    if words.get(at).is_none_or(|w| w.text != "::") {
        return Vec::new();
    }
    if words.get(at + 1).is_some_and(|w| w.text != "{") {
        return vec![words[at + 1].clone()];
    }
    let (mut depth, mut heads) = (0, Vec::new());
    for pair in words[at + 1..].windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].text.as_str(), "{" | ",") && pair[1].text != "}" {
            heads.push(pair[1].clone());
        }
    }
    heads
}

/// Uses of another crate: `name::` or `use name;`, with the names taken from it.
pub fn uses_of<'a>(words: &'a [Word], name: &str) -> Vec<(&'a Word, Vec<Word>)> {
    (0..words.len())
        .filter(|at| words[*at].text == name)
        .filter(|at| {
            *at == 0
                || !matches!(
                    words[*at - 1].text.as_str(),
                    "::" | "." | "mod" | "fn" | "let"
                )
        })
        .filter(|at| {
            let next = words.get(at + 1).map(|w| w.text.as_str());
            next == Some("::") || (next == Some(";") && *at > 0 && words[*at - 1].text == "use")
        })
        .map(|at| (&words[at], names_behind(words, at + 1)))
        .collect()
}

/// The words inside `derive(...)`.
pub fn derived(words: &[Word]) -> Vec<&Word> {
    let starts = (0..words.len()).filter(|at| words[*at].text == "derive");
    starts
        .flat_map(|at| words[at..].iter().take_while(|word| word.text != ")"))
        .collect()
}
