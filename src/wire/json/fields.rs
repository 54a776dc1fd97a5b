//! Reading the fields of an object: what is there, and of the kind that its key demands.

use super::{Fault, Object, Value};

/// Why a text is not an object with the fields its reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Not JSON that all readers understand alike.
    #[error("not strict JSON: {0}")]
    NotJson(#[from] Fault),
    /// JSON, but no object.
    #[error("it is {0}, not an object")]
    NotAnObject(&'static str),
    /// A key that must be there is not.
    #[error("key `{0}` is missing")]
    Missing(&'static str),
    /// A value of another kind than the key demands.
    #[error("`{key}` is {found}, not {expected}")]
    WrongKind {
        /// Of which key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
}

impl Misfit {
    /// That `key` holds this value and not what is expected.
    #[must_use]
    pub fn wrong(key: &'static str, expected: &'static str, found: &Value<'_>) -> Self {
        Self::WrongKind {
            key,
            expected,
            found: found.kind(),
        }
    }
}

impl<'a> Value<'a> {
    /// The object this value is.
    ///
    /// # Errors
    /// [`Misfit::NotAnObject`].
    pub fn into_object(self) -> Result<Object<'a>, Misfit> {
        match self {
            Self::Object(object) => Ok(object),
            other => Err(Misfit::NotAnObject(other.kind())),
        }
    }

    /// The text this value, found under `key`, is.
    ///
    /// # Errors
    /// [`Misfit::WrongKind`].
    pub fn text(&self, key: &'static str) -> Result<&str, Misfit> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(Misfit::wrong(key, "a text", other)),
        }
    }
}

impl<'a> Object<'a> {
    /// The value of a key that must be there.
    ///
    /// # Errors
    /// [`Misfit::Missing`].
    pub fn value(&self, key: &'static str) -> Result<&Value<'a>, Misfit> {
        self.get(key).ok_or(Misfit::Missing(key))
    }

    /// The text of a key that must be there.
    ///
    /// # Errors
    /// [`Misfit::Missing`], [`Misfit::WrongKind`].
    pub fn text(&self, key: &'static str) -> Result<&str, Misfit> {
        self.value(key)?.text(key)
    }

    /// The number of a key that must be there.
    ///
    /// # Errors
    /// [`Misfit::Missing`], [`Misfit::WrongKind`].
    pub fn number(&self, key: &'static str) -> Result<f64, Misfit> {
        match self.value(key)? {
            Value::Number(number) => Ok(*number),
            other => Err(Misfit::wrong(key, "a number", other)),
        }
    }

    /// Takes the value of a key that must be there out of the object.
    ///
    /// # Errors
    /// [`Misfit::Missing`].
    pub fn take(&mut self, key: &'static str) -> Result<Value<'a>, Misfit> {
        let at = self.members.iter().position(|member| member.key == key);
        at.map(|at| self.members.swap_remove(at).value)
            .ok_or(Misfit::Missing(key))
    }
}
