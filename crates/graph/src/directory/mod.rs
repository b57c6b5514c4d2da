//! The resources of the directory as tables of data: which properties a user, group, application, service principal
//! or assignment has, and what follows from that for requests and answers.
//!
//! One table for each kind decides what POST and PATCH take ([`validate_create`], [`validate_patch`]), what
//! `$filter`, `$orderby` and `$select` may name ([`check_filter`], [`check_order_by`], [`Projection`]), and what an
//! answer contains. Names, types and default selections are those of the Graph reference.

mod check;
mod extra;
mod operand;
mod project;
mod property;
mod tables;
#[cfg(test)]
mod tests;
mod validate;

pub use check::{check_filter, check_order_by, check_search};
pub use extra::{ApplicationTemplate, ObjectReference};
pub use project::{Projection, fragment};
pub use property::{Property, PropertyType, Returned, Write, is_extension};
pub use validate::{Binding, take_bindings, validate_create, validate_patch};

use crate::path::Version;

/// A kind of resource that the directory has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Graph `user`.
    User,
    /// Graph `group`.
    Group,
    /// Graph `application`.
    Application,
    /// Graph `servicePrincipal`.
    ServicePrincipal,
    /// Graph `appRoleAssignment`.
    AppRoleAssignment,
    /// Graph `organization`.
    Organization,
}

impl Kind {
    /// The type's name, such as `microsoft.graph.user`.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Self::User => "microsoft.graph.user",
            Self::Group => "microsoft.graph.group",
            Self::Application => "microsoft.graph.application",
            Self::ServicePrincipal => "microsoft.graph.servicePrincipal",
            Self::AppRoleAssignment => "microsoft.graph.appRoleAssignment",
            Self::Organization => "microsoft.graph.organization",
        }
    }

    /// The value of `@odata.type`, which collections of several kinds carry.
    #[must_use]
    pub fn odata_type(self) -> String {
        format!("#{}", self.type_name())
    }

    /// The name of the collection, such as `users`.
    #[must_use]
    pub fn collection(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Group => "groups",
            Self::Application => "applications",
            Self::ServicePrincipal => "servicePrincipals",
            Self::AppRoleAssignment => "appRoleAssignments",
            Self::Organization => "organization",
        }
    }

    /// The kind of a type name, with or without `#` and in any case.
    #[must_use]
    pub fn from_type_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix('#').unwrap_or(name);
        let bare = name.rsplit('.').next().unwrap_or(name);
        [
            Self::User,
            Self::Group,
            Self::Application,
            Self::ServicePrincipal,
            Self::AppRoleAssignment,
            Self::Organization,
        ]
        .into_iter()
        .find(|kind| {
            let known = kind.type_name();
            known.eq_ignore_ascii_case(name)
                || known.rsplit('.').next().is_some_and(|known| known.eq_ignore_ascii_case(bare))
        })
    }

    /// Its properties, without directory extensions.
    #[must_use]
    pub fn properties(self) -> &'static [Property] {
        match self {
            Self::User => tables::USER,
            Self::Group => tables::GROUP,
            Self::Application => tables::APPLICATION,
            Self::ServicePrincipal => tables::SERVICE_PRINCIPAL,
            Self::AppRoleAssignment => tables::APP_ROLE_ASSIGNMENT,
            Self::Organization => tables::ORGANIZATION,
        }
    }

    /// Its navigation properties: related resources, which have paths of their own.
    #[must_use]
    pub fn navigation(self) -> &'static [&'static str] {
        match self {
            Self::User => tables::USER_NAVIGATION,
            Self::Group => tables::GROUP_NAVIGATION,
            Self::Application => tables::APPLICATION_NAVIGATION,
            Self::ServicePrincipal => tables::SERVICE_PRINCIPAL_NAVIGATION,
            Self::AppRoleAssignment | Self::Organization => &[],
        }
    }

    /// The property of a name, compared without regard to case.
    #[must_use]
    pub fn property(self, name: &str) -> Option<&'static Property> {
        self.properties().iter().find(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// True where a name is one of its navigation properties, in any case.
    #[must_use]
    pub fn navigates(self, name: &str) -> bool {
        self.navigation().iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Names that a message can suggest instead of an unknown one.
    fn names(self, version: Version) -> impl Iterator<Item = &'static str> {
        let here = move |property: &&Property| property.only.is_none_or(|only| only == version);
        self.properties().iter().filter(here).map(|property| property.name)
    }
}
