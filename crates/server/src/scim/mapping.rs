//! SCIM attributes and the Graph properties that hold them, as one table, and what is kept beside them.
//!
//! The directory keeps Graph's properties. What SCIM has and Graph has no place for is kept in one more property of the
//! object, [`KEPT`], so that a client reads back all it wrote; what both have is kept once, as the Graph property, so
//! that a change over Graph shows in SCIM at once, and the other way round.
//!
//! `KEPT` is a SCIM resource without what the table maps. Two marks stand in it: a null part of an element, such as the
//! `value` of the work email, is filled with the Graph property; and beside `userName`, `displayName` and `active` stands
//! the Graph property that was derived from them or for want of them, and they hold only for as long as it stays the
//! same.

mod fields;
mod names;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(super) use names::{principal_name, principal_name_start};
pub(super) use read::read;
pub(super) use write::{new_properties, write};

use super::kind::{ENTERPRISE, Kind};

/// The property of an object that holds what Graph has no place for.
const KEPT: &str = "scim";

/// An attribute with one value, and its property.
struct Single {
    /// The attribute's path: extension, attribute, sub-attribute.
    scim: &'static [&'static str],
    /// The property's path.
    graph: &'static [&'static str],
}

/// Elements of a multi-valued attribute, and the properties of their parts.
struct Elements {
    /// The attribute.
    scim: &'static str,
    /// Which elements.
    which: Which,
    /// Part of the element and property.
    parts: &'static [(&'static str, &'static str)],
}

/// Which elements of an attribute stand in properties.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// One of this `type`: the primary one or else the first. `or_untyped`: else the first without a type.
    One { kind: &'static str, or_untyped: bool },
    /// All of this `type`; the property is a list.
    All { kind: &'static str },
    /// All that are not mapped otherwise; the property is a list.
    Others,
}

const fn single(scim: &'static [&'static str], graph: &'static [&'static str]) -> Single {
    Single { scim, graph }
}

const fn one(kind: &'static str) -> Which {
    Which::One { kind, or_untyped: false }
}

/// Attributes of users with one value, but for `userName`, `displayName` and `active`, which always have a property.
const USER_SINGLES: &[Single] = &[
    single(&["externalId"], &["externalId"]),
    single(&["name", "givenName"], &["givenName"]),
    single(&["name", "familyName"], &["surname"]),
    single(&["title"], &["jobTitle"]),
    // Graph's own userType tells members from guests; SCIM's tells employees from contractors.
    single(&["userType"], &["employeeType"]),
    single(&["preferredLanguage"], &["preferredLanguage"]),
    single(&[ENTERPRISE, "employeeNumber"], &["employeeId"]),
    single(&[ENTERPRISE, "department"], &["department"]),
    single(&[ENTERPRISE, "organization"], &["companyName"]),
    single(&[ENTERPRISE, "division"], &["employeeOrgData", "division"]),
    single(&[ENTERPRISE, "costCenter"], &["employeeOrgData", "costCenter"]),
];

/// Multi-valued attributes of users.
const USER_ELEMENTS: &[Elements] = &[
    Elements {
        scim: "emails",
        which: Which::One { kind: "work", or_untyped: true },
        parts: &[("value", "mail")],
    },
    // Graph tells no types here; the list is looked up by an index, so that any email finds its user.
    Elements { scim: "emails", which: Which::Others, parts: &[("value", "otherMails")] },
    Elements {
        scim: "phoneNumbers",
        which: Which::All { kind: "work" },
        parts: &[("value", "businessPhones")],
    },
    Elements { scim: "phoneNumbers", which: one("mobile"), parts: &[("value", "mobilePhone")] },
    Elements { scim: "phoneNumbers", which: one("fax"), parts: &[("value", "faxNumber")] },
    Elements {
        scim: "addresses",
        which: one("work"),
        parts: &[
            ("streetAddress", "streetAddress"),
            ("locality", "city"),
            ("region", "state"),
            ("postalCode", "postalCode"),
            ("country", "country"),
        ],
    },
];

const GROUP_SINGLES: &[Single] = &[single(&["externalId"], &["externalId"])];

impl Kind {
    fn singles(self) -> &'static [Single] {
        match self {
            Self::User => USER_SINGLES,
            Self::Group => GROUP_SINGLES,
        }
    }

    fn elements(self) -> &'static [Elements] {
        match self {
            Self::User => USER_ELEMENTS,
            Self::Group => &[],
        }
    }
}

/// The attribute that a property holds, for messages about the property.
pub(super) fn attribute_of(property: &str) -> &str {
    let of_single = USER_SINGLES
        .iter()
        .filter(|single| single.graph.first() == Some(&property))
        .filter_map(|single| single.scim.last().copied());
    let of_elements = USER_ELEMENTS
        .iter()
        .filter(|elements| elements.parts.iter().any(|(_, graph)| *graph == property))
        .map(|elements| elements.scim);
    match property {
        "userPrincipalName" | "mailNickname" => "userName",
        "accountEnabled" => "active",
        KEPT => "the resource",
        other => of_single.chain(of_elements).next().unwrap_or(other),
    }
}
