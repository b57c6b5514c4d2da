//! The query options of OData 4.01, as far as Graph has them, read from a raw query string.
//!
//! Names match without regard to case and with or without the leading `$`. An unknown name with `$` is refused; an
//! unknown name without it is a parameter of the operation and kept in [`QueryOptions::custom`].

pub mod filter;
mod search;
mod select;

use percent_encoding::percent_decode_str;

pub use filter::{Expr, FilterError, matches};
pub use search::Search;
pub use select::{Expand, OrderBy};

use crate::error::GraphError;
use crate::error::nearest;

/// The most objects that a page may have, and how many of them a client may ask for with `$top`.
pub const MAX_PAGE: u32 = 999;
/// The longest query string, in octets.
pub const MAX_QUERY: usize = 32 * 1024;

const NAMES: [&str; 10] =
    ["filter", "select", "expand", "orderby", "top", "skip", "skiptoken", "deltatoken", "count", "search"];

/// What a client asks of a resource or collection beyond its path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryOptions {
    /// `$filter`: which members of the collection.
    pub filter: Option<Expr>,
    /// `$select`: which properties, as the client spelled them; empty where it did not say. `*` means all.
    pub select: Vec<String>,
    /// `$expand`: which related resources come along.
    pub expand: Vec<Expand>,
    /// `$orderby`: the order, most significant key first.
    pub order_by: Vec<OrderBy>,
    /// `$top`: how many members at most, from 1 to [`MAX_PAGE`].
    pub top: Option<u32>,
    /// `$skip`: how many members to pass over.
    pub skip: Option<u32>,
    /// `$skiptoken`: where an earlier page ended.
    pub skip_token: Option<String>,
    /// `$deltatoken`: where an earlier round of changes ended.
    pub delta_token: Option<String>,
    /// `$count`: whether `@odata.count` is wanted.
    pub count: bool,
    /// `$search`: words to look for.
    pub search: Option<Search>,
    /// Parameters that are no query options, in the order of the query.
    pub custom: Vec<(String, String)>,
}

impl QueryOptions {
    /// Reads a query string as it stands in the request, without the question mark.
    pub fn parse(raw: &str) -> Result<Self, GraphError> {
        if raw.len() > MAX_QUERY {
            return Err(GraphError::bad_request(format!("The query is longer than {MAX_QUERY} octets.")));
        }
        let mut options = Self::default();
        let mut seen: Vec<&'static str> = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            let bare = name.strip_prefix('$').unwrap_or(&name);
            match NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(bare)) {
                Some(known) if seen.contains(&known) => {
                    return Err(GraphError::bad_request(format!(
                        "Query option '${known}' was specified more than once. Send it once."
                    )));
                }
                Some(known) => {
                    seen.push(known);
                    options.set(known, &value)?;
                }
                None if name.starts_with('$') => return Err(unknown(&name)),
                None => options.custom.push((name, value)),
            }
        }
        Ok(options)
    }

    /// The value of a parameter that is no query option, its name compared without regard to case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.custom
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The related resource that comes along under a name, if the client asked for it.
    #[must_use]
    pub fn expands(&self, name: &str) -> Option<&Expand> {
        self.expand.iter().find(|expand| expand.name.eq_ignore_ascii_case(name))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), GraphError> {
        match name {
            "filter" => {
                let expression = Expr::parse(value).map_err(|error| invalid_filter(&error))?;
                self.filter = Some(expression);
            }
            "select" => self.select = select::select(value)?,
            "expand" => self.expand = select::expand(value)?,
            "orderby" => self.order_by = select::order_by(value)?,
            "top" => self.top = Some(top(value)?),
            "skip" => self.skip = Some(number("$skip", value)?),
            "skiptoken" => self.skip_token = Some(value.to_owned()),
            "deltatoken" => self.delta_token = Some(value.to_owned()),
            "count" => self.count = truth("$count", value)?,
            _ => self.search = Some(Search::parse(value)?),
        }
        Ok(())
    }
}

/// The answer to a filter that cannot be read or does not fit its resource type.
#[must_use]
pub fn invalid_filter(error: &FilterError) -> GraphError {
    GraphError::bad_request(format!("Invalid filter clause in '$filter' {error}."))
}

fn unknown(name: &str) -> GraphError {
    let advice = match nearest(name.trim_start_matches('$'), NAMES) {
        Some(known) => format!("Did you mean '${known}'?"),
        None => format!("The options are: {}.", NAMES.map(|known| format!("${known}")).join(", ")),
    };
    GraphError::bad_request(format!("The query option '{name}' is not supported. {advice}"))
}

fn decode(text: &str) -> Result<String, GraphError> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| {
        GraphError::bad_request(format!(
            "The query part '{text}' is not percent-encoded UTF-8. Encode it so."
        ))
    })
}

fn number(option: &str, value: &str) -> Result<u32, GraphError> {
    value.trim().parse().map_err(|_| {
        GraphError::bad_request(format!(
            "Invalid value '{value}' for the query option '{option}'. Send a whole number, 0 or more."
        ))
    })
}

fn top(value: &str) -> Result<u32, GraphError> {
    let top = number("$top", value)?;
    if (1..=MAX_PAGE).contains(&top) {
        return Ok(top);
    }
    Err(GraphError::bad_request(format!(
        "Invalid page size specified: '{top}'. '$top' must be between 1 and {MAX_PAGE} inclusive."
    )))
}

fn truth(option: &str, value: &str) -> Result<bool, GraphError> {
    match value.trim() {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(GraphError::bad_request(format!(
            "Invalid value '{value}' for the query option '{option}'. Send true or false."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_case_and_without_dollar() {
        let options = QueryOptions::parse(
            "$FILTER=displayName%20eq%20'a%26b%2Bc+d'&select=id,%20displayName&%24Top=5&$count=true&$skiptoken=x%3D&objectId=7",
        )
        .unwrap();
        assert_eq!(options.filter.as_ref().unwrap().to_string(), "displayName eq 'a&b+c d'");
        assert_eq!(options.select, ["id", "displayName"]);
        assert_eq!((options.top, options.count), (Some(5), true));
        assert_eq!(options.skip_token.as_deref(), Some("x="));
        assert_eq!(options.parameter("objectid"), Some("7"));
    }

    #[test]
    fn an_empty_query_asks_for_nothing() {
        assert_eq!(QueryOptions::parse("").unwrap(), QueryOptions::default());
        assert_eq!(QueryOptions::parse("&&").unwrap(), QueryOptions::default());
    }

    #[test]
    fn bad_options_are_told_by_name() {
        for (raw, words) in [
            ("$fliter=x", "'$fliter' is not supported. Did you mean '$filter'?"),
            ("$zz=x", "'$zz' is not supported. The options are: $filter"),
            ("$top=1000", "'1000'. '$top' must be between 1 and 999"),
            ("$top=0", "between 1 and 999"),
            ("$top=-1", "'$top'. Send a whole number"),
            ("$skip=x", "'$skip'"),
            ("$count=1", "'$count'. Send true or false"),
            ("$top=1&top=2", "'$top' was specified more than once"),
            ("$filter=a%20eq", "in '$filter' at position 4: expected a value, found the end"),
            ("$filter=%ff", "not percent-encoded UTF-8"),
            ("$orderby=a%20up", "'$orderby'"),
            ("$expand=manager(", "'$expand'"),
        ] {
            let error = QueryOptions::parse(raw).unwrap_err();
            assert_eq!((error.status(), error.code()), (400, "Request_BadRequest"));
            assert!(error.message().contains(words), "{raw}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_query_makes_the_parser_panic(raw in "\\PC{0,60}", name in proptest::sample::select(NAMES.to_vec())) {
            let _ = QueryOptions::parse(&raw);
            let _ = QueryOptions::parse(&format!("${name}={raw}"));
        }
    }
}
