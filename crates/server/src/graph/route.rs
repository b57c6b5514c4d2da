//! Routes: what there is to ask, what it needs, and who answers.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use graph::GraphError;
use graph::path::{Captures, Pattern, Segment, Version};
use http::Method;

use super::call::Call;
use super::error::ApiError;
use super::reply::Reply;

/// The result of a handler.
pub(crate) type Answer = Result<Reply, ApiError>;
type Handler = Box<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// What a token needs for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// One of these permissions.
    OneOf(&'static [&'static str]),
    /// None: the handler asks for what it needs, as `$batch` does for each of its requests.
    Token,
}

/// One operation: method, path, what it needs, and the handler.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    /// The version that has it, where only one does.
    pub(crate) only: Option<Version>,
    /// Octets of the body, where the usual limit does not fit.
    pub(crate) body_limit: Option<usize>,
    /// The media type of the body.
    pub(crate) takes: &'static str,
    /// The statuses of success.
    pub(crate) answers: &'static [u16],
    handler: Handler,
}

impl Route {
    /// An operation. `path` is a [`Pattern`] below the version; `needs` lists the permissions of which one suffices.
    pub(crate) fn new<F, R>(
        method: Method,
        path: &'static str,
        needs: &'static [&'static str],
        handler: F,
    ) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let answers = usual_answers(&method);
        Self {
            method,
            path,
            needs: Needs::OneOf(needs),
            only: None,
            body_limit: None,
            takes: "application/json",
            answers,
            handler: Box::new(move |call| Box::pin(handler(call))),
        }
    }

    /// GET.
    pub(crate) fn get<F, R>(path: &'static str, needs: &'static [&'static str], handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Method::GET, path, needs, handler)
    }

    /// POST.
    pub(crate) fn post<F, R>(path: &'static str, needs: &'static [&'static str], handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Method::POST, path, needs, handler)
    }

    /// PATCH.
    pub(crate) fn patch<F, R>(path: &'static str, needs: &'static [&'static str], handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Method::PATCH, path, needs, handler)
    }

    /// PUT.
    pub(crate) fn put<F, R>(path: &'static str, needs: &'static [&'static str], handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Method::PUT, path, needs, handler)
    }

    /// DELETE.
    pub(crate) fn delete<F, R>(path: &'static str, needs: &'static [&'static str], handler: F) -> Self
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::new(Method::DELETE, path, needs, handler)
    }

    /// The operation, for any valid token: its handler asks for permissions itself.
    pub(crate) fn for_any_token(mut self) -> Self {
        self.needs = Needs::Token;
        self
    }

    /// The operation, whose body is of this media type.
    pub(crate) fn taking(mut self, media_type: &'static str) -> Self {
        self.takes = media_type;
        self
    }

    /// The operation, which succeeds with these statuses and no others.
    pub(crate) fn answering(mut self, answers: &'static [u16]) -> Self {
        self.answers = answers;
        self
    }

    /// The operation, in beta alone.
    pub(crate) fn in_beta(mut self) -> Self {
        self.only = Some(Version::Beta);
        self
    }

    /// Asks the handler.
    pub(crate) fn handle(&self, call: Call) -> impl Future<Output = Answer> + Send + use<> {
        (self.handler)(call)
    }
}

/// What succeeds with what: a POST makes something, which a client that prefers little is not shown.
fn usual_answers(method: &Method) -> &'static [u16] {
    match method.as_str() {
        "GET" => &[200],
        "POST" => &[201, 204],
        _ => &[204],
    }
}

/// All routes, found by path.
pub(crate) struct RouteTable {
    routes: Vec<(Pattern, Route)>,
    /// Positions by the first name of the path, in lower case.
    by_head: HashMap<String, Vec<usize>>,
}

impl RouteTable {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let mut by_head: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, route) in routes.iter().enumerate() {
            by_head.entry(head(route.path)).or_default().push(position);
        }
        let routes = routes.into_iter().map(|route| (Pattern::new(route.path), route)).collect();
        Self { routes, by_head }
    }

    /// The route of a method and path, with the keys that the path has. Where several match, the one with more names.
    ///
    /// # Errors
    /// 404 that names the first segment that leads nowhere, or 405.
    pub(crate) fn find(
        &self,
        version: Version,
        method: &Method,
        segments: &[Segment],
    ) -> Result<(&Route, Captures), GraphError> {
        let candidates = || self.candidates(version, segments);
        let matching = candidates()
            .filter_map(|(pattern, route)| Some((pattern, route, pattern.captures(segments)?)))
            .max_by_key(|(pattern, route, _)| (route.method == *method, pattern.literal_count()));
        match matching {
            Some((_, route, captures)) if route.method == *method => Ok((route, captures)),
            Some(_) => {
                let allowed = candidates().filter(|(pattern, _)| pattern.captures(segments).is_some());
                let mut methods: Vec<&str> = allowed.map(|(_, route)| route.method.as_str()).collect();
                methods.sort_unstable();
                methods.dedup();
                Err(GraphError::method_not_allowed(method.as_str(), &methods.join(", ")))
            }
            None => {
                let known =
                    candidates().map(|(pattern, _)| pattern.prefix_length(segments)).max().unwrap_or(0);
                Err(GraphError::no_segment(segment_text(segments.get(known).or_else(|| segments.last()))))
            }
        }
    }

    fn candidates(&self, version: Version, segments: &[Segment]) -> impl Iterator<Item = &(Pattern, Route)> {
        let head = segment_text(segments.first()).to_lowercase();
        let positions = self.by_head.get(&head).map_or(&[][..], Vec::as_slice);
        positions
            .iter()
            .filter_map(|position| self.routes.get(*position))
            .filter(move |(_, route)| route.only.is_none_or(|only| only == version))
    }

    /// All routes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|(_, route)| route)
    }
}

fn head(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_lowercase()
}

fn segment_text(segment: Option<&Segment>) -> &str {
    match segment {
        Some(Segment::Text(text) | Segment::Key(text)) => text,
        Some(Segment::Named(named)) => named.first().map_or("", |(name, _)| name),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use graph::path::RequestPath;

    use super::*;

    async fn nothing(_: Call) -> Answer {
        Ok(Reply::no_content())
    }

    fn find(method: &Method, path: &str) -> Result<&'static str, (u16, String)> {
        let table = RouteTable::new(vec![
            Route::get("users", &["a"], nothing),
            Route::get("users/{id}", &["a"], nothing),
            Route::get("users/delta", &["a"], nothing),
            Route::patch("users/{id}", &["a"], nothing),
            Route::get("users/{id}/manager", &["a"], nothing),
        ]);
        let path = RequestPath::parse(path).unwrap().unwrap();
        let found = table.find(path.version, method, &path.segments);
        found.map(|(route, _)| route.path).map_err(|error| (error.status(), error.message().to_owned()))
    }

    #[test]
    fn the_more_literal_route_wins() {
        assert_eq!(find(&Method::GET, "/beta/USERS"), Ok("users"));
        assert_eq!(find(&Method::GET, "/beta/users/delta()"), Ok("users/delta"));
        assert_eq!(find(&Method::GET, "/beta/users/1"), Ok("users/{id}"));
        assert_eq!(find(&Method::PATCH, "/beta/users/delta"), Ok("users/{id}"));
    }

    #[test]
    fn wrong_paths_and_methods_are_told() {
        let (status, words) = find(&Method::GET, "/beta/users/1/manger").unwrap_err();
        assert_eq!(status, 404);
        assert!(words.contains("'manger'"), "{words}");
        let (status, words) = find(&Method::GET, "/beta/planets").unwrap_err();
        assert_eq!(status, 404);
        assert!(words.contains("'planets'"), "{words}");
        let (status, words) = find(&Method::PUT, "/beta/users/1").unwrap_err();
        assert_eq!(status, 405);
        assert!(words.contains("GET, PATCH"), "{words}");
    }
}
