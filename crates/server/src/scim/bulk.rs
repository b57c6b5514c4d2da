//! Several requests in one (RFC 7644, section 3.7).
//!
//! Operations go through the same routes as single requests, one after another. What an operation refers to
//! (`bulkId:…`) is made before it. Where operations refer to each other, one is made without the reference, which is
//! added once the other is there.

mod references;

use std::collections::{HashMap, HashSet};

use http::Method;
use scim::Error;
use scim::message::{
    BULK_REQUEST_SCHEMA, BULK_RESPONSE_SCHEMA, BulkOperation, BulkRequest, BulkResponse, BulkResult,
};
use serde_json::{Value as Json, json};

use self::references::{REFERENCE, Resolved, resolve, set_aside};
use super::call::{Call, Query};
use super::failure::{Failure, Result};
use super::intake;
use super::kind::Kind;
use super::reply::Reply;
use super::routes;

/// Operations of one request at most.
pub(super) const MOST_OPERATIONS: usize = 1_000;

/// POST `/Bulk`.
pub(super) async fn answer(call: &Call) -> Result<Reply> {
    let request: BulkRequest = call.read()?;
    intake::check_message(&request.schemas, BULK_REQUEST_SCHEMA)?;
    if request.operations.len() > MOST_OPERATIONS {
        let detail = format!(
            "Operations has {} elements; at most {MOST_OPERATIONS} are taken (maxOperations)",
            request.operations.len()
        );
        return Err(Error::new(413, None, detail).into());
    }
    check_bulk_ids(&request.operations)?;
    let most = request.fail_on_errors.filter(|most| *most > 0);
    let mut run = Run { call, made: HashMap::new(), pending: Vec::new(), failed: 0, most };
    let operations = run.all(&request.operations).await;
    Ok(Reply::ok(&json!(BulkResponse { schemas: vec![BULK_RESPONSE_SCHEMA.to_owned()], operations })))
}

/// Refuses two new resources of one bulk id: what refers to it would mean either.
fn check_bulk_ids(operations: &[BulkOperation]) -> Result<()> {
    let made = operations.iter().filter(|operation| operation.method.eq_ignore_ascii_case("POST"));
    let mut seen = HashSet::new();
    for id in made.filter_map(|operation| operation.bulk_id.as_deref()) {
        if !seen.insert(id) {
            let detail = format!("bulkId '{id}' stands at two operations: give each POST one of its own");
            return Err(Failure::invalid_syntax(detail));
        }
    }
    Ok(())
}

/// A bulk request that is being answered.
struct Run<'a> {
    call: &'a Call,
    /// Ids of what operations made, by their bulk ids.
    made: HashMap<String, String>,
    pending: Vec<Pending>,
    failed: u64,
    /// Errors after which the rest is left undone.
    most: Option<u64>,
}

/// References of a resource that was made without them.
struct Pending {
    /// The place of its operation.
    place: usize,
    /// The operations of a PATCH request that adds them.
    additions: Vec<Json>,
}

impl Run<'_> {
    /// Does the operations in their order, but for those that others refer to, which go before these.
    async fn all(&mut self, operations: &[BulkOperation]) -> Vec<BulkResult> {
        let mut results: Vec<Option<BulkResult>> = operations.iter().map(|_| None).collect();
        for place in 0..operations.len() {
            let mut stack = vec![place];
            while let Some(top) = stack.last().copied() {
                let (Some(operation), Some(slot)) = (operations.get(top), results.get(top)) else { break };
                if slot.is_some() {
                    stack.pop();
                    continue;
                }
                if self.has_failed() {
                    break;
                }
                let result = match resolve(operation, &self.made) {
                    Resolved::Ready(ready) => self.run(ready).await,
                    Resolved::Waits(references) => {
                        let maker = |reference: &String| {
                            operations.iter().zip(&results).position(|(one, done)| {
                                done.is_none() && one.bulk_id.as_ref() == Some(reference)
                            })
                        };
                        if let Some(next) =
                            references.iter().filter_map(maker).find(|next| !stack.contains(next))
                        {
                            stack.push(next);
                            continue;
                        }
                        match references.iter().find(|reference| maker(reference).is_none()) {
                            Some(reference) => self.unresolved(operation, reference),
                            None => self.run_without(top, operation, &references).await,
                        }
                    }
                };
                if let Some(slot) = results.get_mut(top) {
                    *slot = Some(result);
                }
            }
            self.complete(operations, &mut results).await;
            if self.has_failed() {
                break;
            }
        }
        results.into_iter().flatten().collect()
    }

    /// True where so many operations failed that the rest is left undone.
    fn has_failed(&self) -> bool {
        self.most.is_some_and(|most| self.failed >= most)
    }

    /// Does an operation without references to operations that wait for it.
    async fn run_without(
        &mut self,
        place: usize,
        operation: &BulkOperation,
        references: &[String],
    ) -> BulkResult {
        let first = references.first().map_or("", String::as_str);
        let aside = operation.data.as_ref().and_then(|data| set_aside(data, references));
        let Some((data, additions)) = aside.filter(|_| operation.method.eq_ignore_ascii_case("POST")) else {
            return self.unresolved(operation, first);
        };
        let reduced = BulkOperation { data: Some(data), ..operation.clone() };
        match resolve(&reduced, &self.made) {
            Resolved::Waits(_) => self.unresolved(operation, first),
            Resolved::Ready(ready) => {
                let result = self.run(ready).await;
                if result.location.is_some() {
                    self.pending.push(Pending { place, additions });
                }
                result
            }
        }
    }

    /// Adds the references that were left out. A resource that cannot have its references is not made.
    async fn complete(&mut self, operations: &[BulkOperation], results: &mut [Option<BulkResult>]) {
        for Pending { place, additions } in std::mem::take(&mut self.pending) {
            let (Some(operation), Some(Some(result))) = (operations.get(place), results.get_mut(place))
            else {
                continue;
            };
            let location = result.location.clone().unwrap_or_default();
            let id = location.rsplit_once('/').map(|(_, id)| id.to_owned()).unwrap_or_default();
            let addition = BulkOperation {
                path: format!("{}/{id}", operation.path.trim_end_matches('/')),
                data: Some(json!({ "Operations": additions })),
                ..BulkOperation::default()
            };
            let outcome = match resolve(&addition, &self.made) {
                Resolved::Ready(ready) => self.answer("PATCH", ready).await,
                Resolved::Waits(references) => {
                    Err(no_resource(references.first().map_or("", String::as_str)))
                }
            };
            match outcome {
                Ok(reply) => result.version = reply.etag,
                Err(failure) => {
                    if let Err(trouble) = self.withdraw(&addition.path, &id).await {
                        tracing::warn!(error = %trouble.error, "a resource of a bulk request stays without its references");
                    }
                    if let Some(bulk_id) = &operation.bulk_id {
                        self.made.remove(bulk_id);
                    }
                    (result.location, result.version) = (None, None);
                    self.fail(result, &failure);
                }
            }
        }
    }

    /// Removes a resource that this request made, for good.
    async fn withdraw(&self, path: &str, id: &str) -> Result<()> {
        let removal = BulkOperation { path: path.to_owned(), ..BulkOperation::default() };
        self.answer("DELETE", removal).await?;
        match id.parse() {
            Ok(id) => Ok(self.call.directory().purge(id).await?),
            Err(_) => Ok(()),
        }
    }

    async fn run(&mut self, operation: BulkOperation) -> BulkResult {
        let method = operation.method.to_ascii_uppercase();
        let mut result = BulkResult {
            method: method.clone(),
            bulk_id: operation.bulk_id.clone(),
            ..BulkResult::default()
        };
        match self.answer(&method, operation).await {
            Ok(reply) => {
                result.status = reply.status.to_string();
                if let (Some(bulk_id), Some(location)) = (&result.bulk_id, &reply.location)
                    && let Some((_, id)) = location.rsplit_once('/')
                {
                    self.made.insert(bulk_id.clone(), id.to_owned());
                }
                result.location = reply.location;
                result.version = reply.etag;
            }
            Err(failure) => self.fail(&mut result, &failure),
        }
        result
    }

    fn fail(&mut self, result: &mut BulkResult, failure: &Failure) {
        self.failed += 1;
        result.status = failure.error.status.to_string();
        result.response = serde_json::to_value(&failure.error).ok();
    }

    async fn answer(&self, method: &str, operation: BulkOperation) -> Result<Reply> {
        let method = match method {
            "POST" if operation.bulk_id.is_none() => {
                return Err(Failure::invalid_syntax(
                    "bulkId is missing: every POST in a bulk request needs one",
                ));
            }
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            other => {
                return Err(Failure::invalid_syntax(format!(
                    "method is '{other}', but must be POST, PUT, PATCH or DELETE"
                )));
            }
        };
        let path = operation.path.split('?').next().unwrap_or_default();
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        if segments.first().is_none_or(|endpoint| Kind::of_endpoint(endpoint).is_none()) {
            let detail = format!("path is '{path}', but must begin with /Users or /Groups");
            return Err(Failure::invalid_syntax(detail));
        }
        let location = match segments.as_slice() {
            [endpoint, id] => Some(format!("{}/{endpoint}/{id}", self.call.base)),
            _ => None,
        };
        let call = Call {
            scim: self.call.scim.clone(),
            caller: self.call.caller.clone(),
            method,
            segments,
            // Answers of single operations are not shown, so they need no members.
            query: Query::parse("excludedAttributes=members")?,
            if_match: operation.version,
            if_none_match: None,
            body: operation.data.unwrap_or_default(),
            base: self.call.base.clone(),
        };
        let reply = Box::pin(routes::dispatch(&call)).await?;
        Ok(Reply { location: reply.location.or(location), ..reply })
    }

    /// The result of an operation whose references lead nowhere.
    fn unresolved(&mut self, operation: &BulkOperation, reference: &str) -> BulkResult {
        let mut result = BulkResult {
            method: operation.method.to_ascii_uppercase(),
            bulk_id: operation.bulk_id.clone(),
            ..BulkResult::default()
        };
        self.fail(&mut result, &no_resource(reference));
        result
    }
}

/// A reference that leads nowhere.
fn no_resource(reference: &str) -> Failure {
    let detail = format!(
        "{REFERENCE}{reference} names no resource that this request made: its operation is missing or failed, or refers to this one from where it cannot be added later"
    );
    Failure::new(409, detail)
}
