//! The value of every setting with its origin, before it becomes a [`super::Config`].

use toml::Value;

use super::{
    kind::{Kind, Refusal},
    problem::{Origin, Problem, redacted, shown, told},
    table::{SETTINGS, Setting, position},
};

/// The value a setting has and who said so.
pub struct Resolved {
    /// Which setting.
    pub setting: &'static Setting,
    /// The value.
    pub value: Value,
    /// Who said it last.
    pub origin: Origin,
}

impl Resolved {
    /// The value as it would stand in a config file, on one line; `secrets`: with passwords.
    #[must_use]
    pub fn text(&self, secrets: bool) -> String {
        let text = self.value.to_string();
        if secrets { text } else { redacted(&text) }
    }
}

/// One value for each setting of the table, in its order.
pub struct Values(pub(super) Vec<Resolved>);

impl Values {
    /// The defaults of the table.
    pub(super) fn defaults() -> Self {
        let default = |setting: &'static Setting| Resolved {
            setting,
            value: setting.default.clone(),
            origin: Origin::Default,
        };
        Self(SETTINGS.iter().map(default).collect())
    }

    /// Lays a value over what was said before; a bad one is kept out.
    pub(super) fn put(
        &mut self,
        index: usize,
        value: Value,
        written: &str,
        origin: Origin,
    ) -> Result<(), Box<Problem>> {
        let setting = &SETTINGS[index];
        match (setting.check)(&value) {
            Ok(()) => {
                self.0[index] = Resolved {
                    setting,
                    value,
                    origin,
                };
                Ok(())
            }
            Err(refusal) => Err(Box::new(Problem {
                origin,
                key: setting.key(),
                value: Some(shown(written)),
                wrong: told(&refusal.wrong),
                remedy: refusal.remedy,
            })),
        }
    }

    /// The value of a setting, read by its kind. Every value in here was checked when it was put.
    pub(super) fn read<T>(&self, key: &'static str, kind: &Kind<T>) -> Result<T, Refusal> {
        let unknown = || {
            Refusal::new(
                format!("{key} is not in the table"),
                "report this as a fault of the program",
            )
        };
        let resolved = position(key)
            .and_then(|index| self.0.get(index))
            .ok_or_else(unknown)?;
        (kind.read)(&resolved.value)
    }

    /// A value with its origin, by dotted key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Resolved> {
        self.0.get(position(key)?)
    }

    /// Every value, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Resolved> {
        self.0.iter()
    }
}
