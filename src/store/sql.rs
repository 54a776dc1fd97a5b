//! Writing many rows with few statements: a call to SQLite costs about 35 us, a row in a long
//! statement 2 us or less.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

/// The numbers of rows statements are made for. Few shapes, so that all stay prepared; eight
/// columns times 512 rows stay below SQLite's 32,766 parameters.
const SHAPES: [usize; 4] = [512, 64, 8, 1];

/// A statement with its parameters so far.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A statement for many rows: `head (?,..),(?,..) tail`.
pub(super) struct ManyRows {
    /// Up to and without `VALUES`.
    pub head: &'static str,
    /// Parameters a row.
    pub columns: usize,
    /// What follows the rows.
    pub tail: &'static str,
}

impl ManyRows {
    /// Writes all rows, in order; `bind` adds the parameters of one.
    pub async fn write<T>(
        &self,
        conn: &mut SqliteConnection,
        mut rows: &[T],
        bind: impl for<'q> Fn(Statement<'q>, &T) -> Statement<'q>,
    ) -> Result<(), sqlx::Error> {
        for shape in SHAPES {
            if rows.len() < shape {
                continue;
            }
            let text = self.text(shape);
            while let Some((now, later)) = rows.split_at_checked(shape) {
                let statement = sqlx::query(AssertSqlSafe(text.clone()));
                now.iter()
                    .fold(statement, &bind)
                    .execute(&mut *conn)
                    .await?;
                rows = later;
            }
        }
        Ok(())
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let mut text =
            String::with_capacity(self.head.len() + rows * (row.len() + 1) + self.tail.len() + 16);
        text.push_str(self.head);
        text.push_str(" VALUES ");
        for n in 0..rows {
            let _ = write!(text, "{}{row}", if n == 0 { "" } else { "," });
        }
        text.push(' ');
        text.push_str(self.tail);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_group_of_marks_for_each_row() {
        let insert = ManyRows {
            head: "INSERT INTO t (a, b)",
            columns: 2,
            tail: "ON CONFLICT DO NOTHING",
        };
        assert_eq!(
            insert.text(2),
            "INSERT INTO t (a, b) VALUES (?,?),(?,?) ON CONFLICT DO NOTHING"
        );
    }
}
