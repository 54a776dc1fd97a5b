//! One transaction, told to SQLite in as few pieces as may be.
//!
//! SQLite has a thread of its own, and each piece costs two changes of threads: on a busy machine
//! more than all it does. So statements are gathered, and told when an answer is needed or at the
//! end; the pieces are alike from one transaction to the next, so that they stay prepared.

use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};

/// Parameters of statements, one after the other.
#[derive(Default)]
pub(super) struct Parameters {
    values: SqliteArguments,
    failed: Option<BoxDynError>,
}

impl Parameters {
    /// Adds one.
    #[must_use]
    pub fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(mut self, value: T) -> Self {
        if let Err(error) = self.values.add(value) {
            self.failed.get_or_insert(error);
        }
        self
    }
}

/// A transaction that is being put together. Dropped without [`Transaction::commit`] it may be half
/// done, and must be rolled back.
pub(super) struct Transaction<'c> {
    conn: &'c mut SqliteConnection,
    text: String,
    parameters: Parameters,
}

impl<'c> Transaction<'c> {
    /// Begins; nothing is told yet.
    pub fn begin(conn: &'c mut SqliteConnection) -> Self {
        Self {
            conn,
            text: "BEGIN IMMEDIATE;".into(),
            parameters: Parameters::default(),
        }
    }

    /// Adds a statement without its end. Its marks are plain `?`, as many as parameters are added.
    pub fn add(&mut self, statement: &str, with: impl FnOnce(Parameters) -> Parameters) {
        self.text.push_str(statement);
        self.text.push(';');
        self.parameters = with(std::mem::take(&mut self.parameters));
    }

    /// Tells what was added and gives the rows of all of it.
    pub async fn rows(&mut self) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let text = std::mem::take(&mut self.text);
        let Parameters { values, failed } = std::mem::take(&mut self.parameters);
        if let Some(error) = failed {
            return Err(sqlx::Error::Encode(error));
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query_with(AssertSqlSafe(text), values)
            .fetch_all(&mut *self.conn)
            .await
    }

    /// Tells what was added, and gives the connection for what is not said every time.
    pub async fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.rows().await?;
        Ok(self.conn)
    }

    /// Tells the rest; when it returns all of it is on disk.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.add("COMMIT", |none| none);
        self.rows().await.map(drop)
    }
}
