//! Where a page begins, and the address of the next.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graph::GraphError;
use graph::collection;
use model::Uuid;

use super::call::Call;

/// How many members a page has where the client does not say.
const DEFAULT_PAGE: usize = 100;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// At the beginning.
    Start,
    /// After the object of an id, in the order of ids.
    After(Uuid),
    /// So many members into an order that the client asked for.
    Offset(usize),
    /// After the object of an id that had a value, in the order of a property.
    AfterValue(Uuid, String),
}

impl Position {
    /// The id to go on after.
    pub(crate) fn after(&self) -> Option<Uuid> {
        match self {
            Self::After(id) => Some(*id),
            _ => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Start => "s".to_owned(),
            Self::After(id) => format!("a{}", id.simple()),
            Self::Offset(offset) => format!("o{offset}"),
            Self::AfterValue(id, value) => format!("v{}{value}", id.simple()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, value) = text.split_at_checked(1)?;
        match kind {
            "s" => Some(Self::Start),
            "a" => value.parse().ok().map(Self::After),
            "o" => value.parse().ok().map(Self::Offset),
            "v" => {
                let (id, value) = value.split_at_checked(32)?;
                Some(Self::AfterValue(id.parse().ok()?, value.to_owned()))
            }
            _ => None,
        }
    }
}

impl Call {
    /// How many members the page has at most.
    pub(crate) fn page_size(&self) -> usize {
        self.options.top.and_then(|top| usize::try_from(top).ok()).unwrap_or(DEFAULT_PAGE)
    }

    /// Where the page begins that is asked for.
    ///
    /// # Errors
    /// 400 for a token that was not given for this query of this tenant.
    pub(crate) fn position(&self) -> Result<Position, GraphError> {
        let Some(token) = &self.options.skip_token else { return Ok(Position::Start) };
        self.unsealed(token).and_then(|text| Position::read(&text)).ok_or_else(wrong_token)
    }

    /// The key after which the page begins that is asked for, in collections that are ordered by a key of their own.
    ///
    /// # Errors
    /// As [`position`](Self::position).
    pub(crate) fn after_key(&self) -> Result<Option<String>, GraphError> {
        let Some(token) = &self.options.skip_token else { return Ok(None) };
        let text = self.unsealed(token).ok_or_else(wrong_token)?;
        text.strip_prefix('k').map(|key| Some(key.to_owned())).ok_or_else(wrong_token)
    }

    /// What a token says that was given for this query of this tenant.
    pub(crate) fn unsealed(&self, token: &str) -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (seal, text) = text.split_once('.')?;
        (seal == self.seal(text)).then(|| text.to_owned())
    }

    /// The address of the page that begins at a position.
    pub(crate) fn next_link(&self, position: Position) -> String {
        self.link_to(&position.text())
    }

    /// The address of the page that begins after a key.
    pub(crate) fn next_link_after(&self, key: &str) -> String {
        self.link_to(&format!("k{key}"))
    }

    /// A token that says a text, for this query of this tenant alone.
    pub(crate) fn sealed(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{text}", self.seal(text)))
    }

    fn link_to(&self, text: &str) -> String {
        let token = self.sealed(text);
        collection::next_link(&format!("{}{}", self.base, self.path), &self.query, "$skiptoken", &token)
    }

    /// Ties a position to the tenant, the collection and the order of its members.
    fn seal(&self, position: &str) -> String {
        let options = &self.options;
        let order: Vec<String> =
            options.order_by.iter().map(|key| format!("{} {}", key.path, key.descending)).collect();
        let filter = options.filter.as_ref().map(ToString::to_string);
        let text = format!(
            "{} {} {filter:?} {:?} {order:?} {position}",
            self.caller.tenant,
            self.path.to_lowercase(),
            options.search
        );
        format!("{:032x}", self.service().tokens.seal(&text))
    }
}

fn wrong_token() -> GraphError {
    GraphError::bad_request(
        "The value of '$skiptoken' is not valid for this query. Follow '@odata.nextLink' unchanged, or begin anew without the option.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back() {
        for position in [
            Position::Start,
            Position::After(Uuid::from_u128(7)),
            Position::Offset(40),
            Position::AfterValue(Uuid::from_u128(7), "Ada o'Neil".to_owned()),
        ] {
            assert_eq!(Position::read(&position.clone().text()), Some(position));
        }
        for text in ["", "x", "a1", "o-1", "\u{e4}"] {
            assert_eq!(Position::read(text), None, "{text}");
        }
    }
}
