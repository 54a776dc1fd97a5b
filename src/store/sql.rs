//! Writing many rows with few statements: a call to SQLite costs about 35 us, a row in a long
//! statement 2 us or less.

use std::fmt::Write as _;

use super::transaction::{Parameters, Transaction};

/// The numbers of rows statements are made for; what is left over is filled up with nothing. Few
/// shapes, so that all stay prepared; eight columns times 512 rows stay below SQLite's 32,766
/// parameters.
const SHAPES: [usize; 3] = [512, 64, 8];
/// A statement for so many rows is told by itself: with the others it would be prepared anew for
/// each company it comes in.
const ALONE: usize = 512;

/// A statement for many rows.
pub(super) struct ManyRows {
    /// Up to the rows: `INSERT INTO t (a, b) SELECT * FROM`.
    pub head: &'static str,
    /// Parameters a row; they are `column1` and so on, in the order in which they are bound. The first
    /// is never NULL.
    pub columns: usize,
    /// What follows the rows, and says that there are some that are none: [`ROWS`].
    pub tail: &'static str,
}

/// Where a statement has been filled up, there are no rows.
pub(super) const ROWS: &str = "WHERE column1 IS NOT NULL";

impl ManyRows {
    /// Adds all rows, in order; `bind` adds the parameters of one.
    pub async fn write<T>(
        &self,
        transaction: &mut Transaction<'_>,
        mut rows: &[T],
        bind: impl Fn(Parameters, &T) -> Parameters,
    ) -> Result<(), sqlx::Error> {
        while !rows.is_empty() {
            let shape = shape(rows.len());
            let (now, later) = rows.split_at(shape.min(rows.len()));
            if shape >= ALONE {
                transaction.conn().await?;
            }
            transaction.add(&self.text(shape), |parameters| {
                let missing = (shape - now.len()) * self.columns;
                let filled = now.iter().fold(parameters, &bind);
                (0..missing).fold(filled, |row, _| row.bind(None::<i64>))
            });
            if shape >= ALONE {
                transaction.conn().await?;
            }
            rows = later;
        }
        Ok(())
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let mut text =
            String::with_capacity(self.head.len() + rows * (row.len() + 1) + self.tail.len() + 64);
        text.push_str(self.head);
        text.push_str(" (VALUES ");
        for n in 0..rows {
            let _ = write!(text, "{}{row}", if n == 0 { "" } else { "," });
        }
        text.push_str(") ");
        text.push_str(self.tail);
        text
    }
}

/// The largest shape that is full, or the smallest into which all go.
fn shape(rows: usize) -> usize {
    let full = SHAPES.into_iter().find(|shape| rows >= *shape);
    let all = SHAPES.into_iter().rev().find(|shape| rows <= *shape);
    match (full, all) {
        // Half a statement of nothing is cheaper than several statements.
        (Some(full), Some(all)) if rows > full && all < ALONE => all,
        (Some(full), _) => full,
        (None, Some(all)) => all,
        (None, None) => ALONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_group_of_marks_for_each_row() {
        let insert = ManyRows {
            head: "INSERT INTO t (a, b) SELECT * FROM",
            columns: 2,
            tail: ROWS,
        };
        assert_eq!(
            insert.text(2),
            "INSERT INTO t (a, b) SELECT * FROM (VALUES (?,?),(?,?)) WHERE column1 IS NOT NULL"
        );
    }

    #[test]
    fn few_statements_take_any_number_of_rows() {
        let shapes = |mut rows: usize| {
            let mut shapes = Vec::new();
            while rows > 0 {
                shapes.push(shape(rows));
                rows = rows.saturating_sub(shape(rows));
            }
            shapes
        };
        assert_eq!(shapes(1), [8]);
        assert_eq!(shapes(8), [8]);
        assert_eq!(shapes(9), [64]);
        assert_eq!(shapes(65), [64, 8]);
        assert_eq!(shapes(200), [64, 64, 64, 8]);
        assert_eq!(shapes(600), [512, 64, 64]);
    }
}
