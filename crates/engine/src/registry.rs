//! The connectors and templates that a service has.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::Factory;
use model::template::Template;

/// Connector factories by name.
#[derive(Clone, Default)]
pub struct Registry {
    factories: BTreeMap<&'static str, Arc<dyn Factory>>,
}

impl Registry {
    /// The registry with one factory more.
    #[must_use]
    pub fn with(mut self, factory: Arc<dyn Factory>) -> Self {
        self.factories.insert(factory.name(), factory);
        self
    }

    /// The factory of a name.
    #[must_use]
    pub fn factory(&self, name: &str) -> Option<&Arc<dyn Factory>> {
        self.factories.get(name)
    }
}

/// The synchronization templates that ship with a service.
#[derive(Clone, Debug, Default)]
pub struct Templates(Arc<Vec<Template>>);

impl Templates {
    /// The templates of a service.
    #[must_use]
    pub fn new(templates: Vec<Template>) -> Self {
        Self(Arc::new(templates))
    }

    /// The template of an id, compared without regard to case.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Template> {
        self.0.iter().find(|template| template.id.eq_ignore_ascii_case(id))
    }

    /// All templates.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.iter()
    }
}
