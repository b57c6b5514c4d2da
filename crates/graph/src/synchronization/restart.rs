//! `synchronizationJobRestartCriteria`: what a restart forgets.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Graph `synchronizationJobRestartScope`, a set sent as one comma-separated text; an array of names is read too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the Graph enumeration is a set of independent flags")]
pub struct RestartScope {
    /// Links become hints that matching must confirm.
    pub connector_data_store: bool,
    /// Escrows are forgotten.
    pub escrows: bool,
    /// The next cycle is initial.
    pub watermark: bool,
    /// Quarantine ends.
    pub quarantine_state: bool,
    /// Staged disables and deletes go through once.
    pub force_deletes: bool,
}

impl RestartScope {
    /// What a restart without criteria means: `QuarantineState, Watermark, Escrows`.
    pub const UNSPECIFIED: Self = Self {
        connector_data_store: false,
        escrows: true,
        watermark: true,
        quarantine_state: true,
        force_deletes: false,
    };

    /// Reads names separated by commas, in any case. `Full` stands for everything but `ForceDeletes`, `None` for nothing,
    /// and an empty text for what a restart without criteria means.
    ///
    /// # Errors
    /// The first name that is none of the enumeration.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::UNSPECIFIED);
        }
        let mut scope = Self::default();
        for name in text.split(',').map(str::trim) {
            scope.add(name)?;
        }
        Ok(scope)
    }

    fn add(&mut self, name: &str) -> Result<(), String> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "" => {}
            "connectordatastore" => self.connector_data_store = true,
            "escrows" => self.escrows = true,
            "watermark" => self.watermark = true,
            "quarantinestate" => self.quarantine_state = true,
            "forcedeletes" => self.force_deletes = true,
            "full" => {
                *self = Self {
                    connector_data_store: true,
                    force_deletes: self.force_deletes,
                    ..Self::UNSPECIFIED
                };
            }
            _ => return Err(name.to_owned()),
        }
        Ok(())
    }

    /// The names, separated by commas.
    #[must_use]
    pub fn print(self) -> String {
        let full = self.connector_data_store && self.escrows && self.watermark && self.quarantine_state;
        let parts = [
            (full, "Full"),
            (self.connector_data_store && !full, "ConnectorDataStore"),
            (self.escrows && !full, "Escrows"),
            (self.watermark && !full, "Watermark"),
            (self.quarantine_state && !full, "QuarantineState"),
            (self.force_deletes, "ForceDeletes"),
        ];
        let names: Vec<&str> = parts.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
        if names.is_empty() { "None".to_owned() } else { names.join(", ") }
    }
}

impl Serialize for RestartScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.print())
    }
}

impl<'de> Deserialize<'de> for RestartScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "names of scopes separated by commas, or an array of such names")]
        enum Form {
            Text(String),
            List(Vec<String>),
        }
        let names = match Form::deserialize(deserializer)? {
            Form::Text(text) => vec![text],
            Form::List(names) => names,
        };
        Self::parse(&names.join(",")).map_err(|name| {
            de::Error::custom(format!(
                "'{name}' is no restart scope; use None, ConnectorDataStore, Escrows, Watermark, QuarantineState, Full or ForceDeletes"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_printed() {
        for (text, printed) in [
            ("Watermark, Escrows,QuarantineState", "Escrows, Watermark, QuarantineState"),
            ("full", "Full"),
            ("ForceDeletes,Full", "Full, ForceDeletes"),
            ("None", "None"),
            ("", "Escrows, Watermark, QuarantineState"),
            ("connectorDataStore", "ConnectorDataStore"),
        ] {
            assert_eq!(RestartScope::parse(text).unwrap().print(), printed);
        }
        assert_eq!(RestartScope::parse("Watermark,Everything"), Err("Everything".to_owned()));
    }

    #[test]
    fn both_wire_forms_are_read() {
        let from = |text| serde_json::from_str::<RestartScope>(text);
        assert_eq!(from("\"Escrows, Watermark\"").unwrap(), from("[\"Watermark\", \"Escrows\"]").unwrap());
        assert!(from("\"Everything\"").unwrap_err().to_string().contains("QuarantineState, Full"));
        assert!(from("5").is_err());
    }
}
