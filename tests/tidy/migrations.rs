//! The rule for SQL: every table and every column is explained where it is made.

/// Lines of a migration that make a table or a column without a comment on it or right above it.
pub fn unexplained(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut explained = false;
    // The comment above, which may speak of several columns by their names.
    let mut above = String::new();
    let mut in_table = false;
    let mut open = 0i32;
    for (number, line) in text.lines().enumerate() {
        let code = line.split("--").next().unwrap_or("").trim();
        let comment = line.contains("--");
        if code.is_empty() {
            if !comment || !explained {
                above.clear();
            }
            // A blank line parts a comment from what follows it.
            explained = comment;
            above.push_str(line);
            continue;
        }
        let upper = code.to_uppercase();
        let makes_table = upper.starts_with("CREATE TABLE");
        let makes_column =
            upper.contains(" ADD COLUMN ") || (in_table && open == 1 && is_column(&upper));
        let named = makes_column && mentions(&above, code.split(' ').next().unwrap_or(code));
        if (makes_table || makes_column) && !(comment || explained || named) {
            found.push((number + 1, code.to_owned()));
        }
        if makes_table {
            in_table = true;
        }
        open += count(code, '(') - count(code, ')');
        if open <= 0 {
            (in_table, open) = (false, 0);
        }
        explained = comment && code.is_empty();
    }
    found
}

fn is_column(upper: &str) -> bool {
    let first = upper.split([' ', '(']).next().unwrap_or("");
    first
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_')
        && ![
            "PRIMARY",
            "UNIQUE",
            "CHECK",
            "FOREIGN",
            "CONSTRAINT",
            "REFERENCES",
            "DEFAULT",
            "NOT",
            "ON",
            "AND",
            "OR",
            "COLLATE",
        ]
        .contains(&first)
}

fn mentions(comment: &str, column: &str) -> bool {
    comment
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word == column)
}

fn count(text: &str, mark: char) -> i32 {
    i32::try_from(text.matches(mark).count()).unwrap_or(i32::MAX)
}
