//! Writing a line of the control socket.

use crate::domain::Timestamp;
use crate::wire::json::push_text;

/// A line being written.
pub(super) struct Line {
    pub(super) text: String,
    first: bool,
}

impl Line {
    pub(super) fn new(id: &str, kind: &str) -> Self {
        let mut line = Self {
            text: String::from("{"),
            first: true,
        };
        line.raw("id", id);
        line.text("type", kind);
        line
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.text.push(',');
        }
        push_text(&mut self.text, key);
        self.text.push(':');
    }

    pub(super) fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(value);
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_text(&mut self.text, value);
    }

    /// Finite; short however small it is, and the same to the bit when it is read back.
    pub(super) fn number(&mut self, key: &str, value: f64) {
        self.raw(key, &format!("{value:?}"));
    }

    pub(super) fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(super) fn time(&mut self, key: &str, time: Option<Timestamp>) {
        let time = time.and_then(|it| jiff::Timestamp::from_microsecond(it.as_micros()).ok());
        self.some(key, time.map(|time| time.to_string()).as_deref());
    }

    pub(super) fn texts(&mut self, key: &str, texts: &[String]) {
        self.list(key, texts, |line, text| push_text(&mut line.text, text));
    }

    /// A list; `write` appends one item.
    pub(super) fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.raw(key, "[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            write(self, item);
        }
        self.text.push(']');
    }

    pub(super) fn open(&mut self, key: &str) {
        self.raw(key, "{");
        self.first = true;
    }

    /// An object as an item of a list, to be closed.
    pub(super) fn item(&mut self) {
        self.text.push('{');
        self.first = true;
    }

    pub(super) fn close(&mut self) {
        self.text.push('}');
        self.first = false;
    }

    pub(super) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}
