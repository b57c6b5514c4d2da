//! `$search`: words to look for in a property, as directory collections have it: `"displayName:ada"`, joined by AND
//! and OR.

use serde_json::{Map, Value as Json};

use super::filter::lookup;
use crate::error::GraphError;

/// The most clauses that a search may have.
const MAX_CLAUSES: usize = 32;

/// What to look for. AND binds tighter than OR: one of the groups must hold whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search(Vec<Vec<Clause>>);

/// A property and the words that it must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    property: String,
    words: Vec<String>,
}

impl Search {
    /// Reads the value of `$search`.
    pub fn parse(text: &str) -> Result<Self, GraphError> {
        let mut groups = vec![Vec::new()];
        let mut rest = text.trim();
        let mut clauses = 0;
        loop {
            let (clause, after) = clause(rest)?;
            clauses += 1;
            if clauses > MAX_CLAUSES {
                return Err(GraphError::bad_request(format!(
                    "The query option '$search' has more than {MAX_CLAUSES} clauses. Send fewer."
                )));
            }
            if let Some(group) = groups.last_mut() {
                group.push(clause);
            }
            let after = after.trim_start();
            match after.split_once(char::is_whitespace) {
                _ if after.is_empty() => return Ok(Self(groups)),
                Some((word, more)) if word.eq_ignore_ascii_case("and") => rest = more.trim_start(),
                Some((word, more)) if word.eq_ignore_ascii_case("or") => {
                    groups.push(Vec::new());
                    rest = more.trim_start();
                }
                _ => return Err(malformed()),
            }
        }
    }

    /// True where a resource has the words. A word matches where a word of the property's text begins with it,
    /// without regard to case.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Json>) -> bool {
        self.0.iter().any(|group| group.iter().all(|clause| clause.holds(resource)))
    }

    /// The properties that are searched.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(|clause| clause.property.as_str())
    }

    /// The groups of which one must hold whole: properties, each with a word that it must contain.
    pub fn groups<'a>(&'a self) -> impl Iterator<Item = Vec<(&'a str, &'a str)>> {
        self.0.iter().map(|group| {
            let words =
                |clause: &'a Clause| clause.words.iter().map(move |word| (&*clause.property, &**word));
            group.iter().flat_map(words).collect()
        })
    }
}

impl Clause {
    fn holds(&self, resource: &Map<String, Json>) -> bool {
        let texts: Vec<&str> = match lookup(resource, &self.property) {
            Some(Json::String(text)) => vec![text],
            Some(Json::Array(members)) => members.iter().filter_map(Json::as_str).collect(),
            _ => return false,
        };
        texts.into_iter().any(|text| {
            let present = words(text);
            self.words.iter().all(|word| present.iter().any(|candidate| candidate.starts_with(word.as_str())))
        })
    }
}

/// The clause that a text begins with, and what comes after it.
fn clause(text: &str) -> Result<(Clause, &str), GraphError> {
    let (content, after) =
        text.strip_prefix('"').and_then(|rest| rest.split_once('"')).ok_or_else(malformed)?;
    let (property, value) = content.split_once(':').ok_or_else(malformed)?;
    let clause = Clause { property: property.trim().to_owned(), words: words(value) };
    if clause.property.is_empty() || clause.words.is_empty() {
        return Err(malformed());
    }
    Ok((clause, after))
}

fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().flat_map(char::to_lowercase).collect())
        .collect()
}

fn malformed() -> GraphError {
    GraphError::bad_request(
        "The query option '$search' cannot be read. Send it like \"displayName:ada\" AND \"mail:contoso\", quotes included.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(search: &str, resource: &Json) -> bool {
        Search::parse(search).unwrap().matches(resource.as_object().unwrap())
    }

    #[test]
    fn words_match_by_their_beginning() {
        let user =
            json!({"displayName": "Ada King-Noel", "mail": "ada@contoso.com", "tags": ["red", "blue sky"]});
        assert!(found("\"displayName:ad noe\"", &user));
        assert!(found("\"DISPLAYNAME:king\" and \"mail:contoso\"", &user));
        assert!(found("\"displayName:zoe\" OR \"tags:sky\"", &user));
        assert!(!found("\"displayName:ing\"", &user));
        assert!(!found("\"displayName:ada\" AND \"mail:fabrikam\"", &user));
        assert!(!found("\"missing:ada\"", &user));
    }

    #[test]
    fn malformed_searches_are_refused() {
        for bad in ["ada", "\"ada\"", "\"displayName:\"", "\"a:b\" \"c:d\"", "\"a:b\" AND", "", "\"a:b"] {
            assert!(Search::parse(bad).is_err(), "{bad}");
        }
        assert!(Search::parse(&vec!["\"a:b\""; 40].join(" AND ")).is_err());
    }
}
