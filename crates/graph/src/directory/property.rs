//! A row of a table of properties.

use crate::path::Version;

/// A structural property of a resource type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    /// Its name, spelled as on the wire.
    pub name: &'static str,
    /// The type of its values.
    pub kind: PropertyType,
    /// True for a collection.
    pub many: bool,
    /// Who may write it, and when.
    pub write: Write,
    /// True where a new object must have it, and an update cannot clear it.
    pub required: bool,
    /// When answers have it.
    pub returned: Returned,
    /// The version of the API that has it, where only one does.
    pub only: Option<Version>,
}

/// The type of a property's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PropertyType {
    /// Text of so many characters at most.
    Text(usize),
    /// One of some texts, spelled as here; matched without regard to case.
    Choice(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A moment, ISO 8601 with an offset.
    DateTime,
    /// A GUID.
    Guid,
    /// Octets in base64.
    Binary,
    /// An object with these texts of so many characters at most, and no others.
    Texts(&'static [&'static str], usize),
    /// An object that is kept as it is sent.
    Object,
}

/// Who may write a property, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Only the service.
    Never,
    /// A client, with a new object.
    Create,
    /// A client, any time.
    Always,
    /// A client, any time; it is checked and then forgotten.
    Forgotten,
}

/// When answers have a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Always, unless `$select` leaves it out.
    Default,
    /// In beta as `Default`, in v1.0 as `Select`.
    Beta,
    /// Only where `$select` names it.
    Select,
    /// Never.
    Never,
}

impl Property {
    const fn new(name: &'static str, kind: PropertyType) -> Self {
        Self {
            name,
            kind,
            many: false,
            write: Write::Always,
            required: false,
            returned: Returned::Default,
            only: None,
        }
    }

    pub(super) const fn text(name: &'static str, longest: usize) -> Self {
        Self::new(name, PropertyType::Text(longest))
    }

    pub(super) const fn choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        Self::new(name, PropertyType::Choice(choices))
    }

    pub(super) const fn boolean(name: &'static str) -> Self {
        Self::new(name, PropertyType::Boolean)
    }

    pub(super) const fn integer(name: &'static str) -> Self {
        Self::new(name, PropertyType::Integer)
    }

    pub(super) const fn date_time(name: &'static str) -> Self {
        Self::new(name, PropertyType::DateTime)
    }

    pub(super) const fn guid(name: &'static str) -> Self {
        Self::new(name, PropertyType::Guid)
    }

    pub(super) const fn binary(name: &'static str) -> Self {
        Self::new(name, PropertyType::Binary)
    }

    pub(super) const fn texts(name: &'static str, members: &'static [&'static str], longest: usize) -> Self {
        Self::new(name, PropertyType::Texts(members, longest))
    }

    pub(super) const fn object(name: &'static str) -> Self {
        Self::new(name, PropertyType::Object)
    }

    pub(super) const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.write = Write::Never;
        self
    }

    pub(super) const fn at_creation(mut self) -> Self {
        self.write = Write::Create;
        self
    }

    pub(super) const fn forgotten(mut self) -> Self {
        self.write = Write::Forgotten;
        self.returned = Returned::Select;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn in_beta(mut self) -> Self {
        self.returned = Returned::Beta;
        self
    }

    pub(super) const fn on_select(mut self) -> Self {
        self.returned = Returned::Select;
        self
    }

    pub(super) const fn only(mut self, version: Version) -> Self {
        self.only = Some(version);
        self
    }

    /// True where an answer of this version has the property unless `$select` says otherwise.
    #[must_use]
    pub fn by_default(&self, version: Version) -> bool {
        self.exists_in(version)
            && match self.returned {
                Returned::Default => true,
                Returned::Beta => version == Version::Beta,
                Returned::Select | Returned::Never => false,
            }
    }

    /// True where this version of the API has the property.
    #[must_use]
    pub fn exists_in(&self, version: Version) -> bool {
        self.only.is_none_or(|only| only == version)
    }
}

/// True for the name of a directory extension: `extension_{appId without dashes}_{name}`.
#[must_use]
pub fn is_extension(name: &str) -> bool {
    let parts = name.strip_prefix("extension_").and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(application, own)| {
        application.len() == 32
            && application.bytes().all(|octet| octet.is_ascii_hexdigit())
            && !own.is_empty()
            && own.len() <= 120
            && own.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
    })
}
