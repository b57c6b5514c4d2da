//! Several requests in one (RFC 7644, section 3.7).
//!
//! Operations go through the same routes as single requests, one after another. What an operation refers to
//! (`bulkId:…`) is made before it; operations that refer to each other are refused.

use std::collections::HashMap;

use http::Method;
use scim::Error;
use scim::message::{BULK_RESPONSE_SCHEMA, BulkOperation, BulkRequest, BulkResponse, BulkResult};
use serde_json::{Value as Json, json};

use super::call::{Call, Query};
use super::failure::{Failure, Result};
use super::kind::Kind;
use super::reply::Reply;
use super::routes;

/// Operations of one request at most.
pub(super) const MOST_OPERATIONS: usize = 1_000;
/// How a reference to what another operation makes begins.
const REFERENCE: &str = "bulkId:";

/// POST `/Bulk`.
pub(super) async fn answer(call: &Call) -> Result<Reply> {
    let request: BulkRequest = call.read()?;
    if request.operations.len() > MOST_OPERATIONS {
        let detail = format!(
            "Operations has {} elements; at most {MOST_OPERATIONS} are taken (maxOperations)",
            request.operations.len()
        );
        return Err(Error::new(413, None, detail).into());
    }
    let mut run = Run { call, made: HashMap::new(), failed: 0, most: request.fail_on_errors };
    let operations = run.all(&request.operations).await;
    Ok(Reply::ok(&json!(BulkResponse { schemas: vec![BULK_RESPONSE_SCHEMA.to_owned()], operations })))
}

/// A bulk request that is being answered.
struct Run<'a> {
    call: &'a Call,
    /// Ids of what operations made, by their bulk ids.
    made: HashMap<String, String>,
    failed: u64,
    most: Option<u64>,
}

enum Resolved {
    Ready(BulkOperation),
    /// For the bulk id that is not known yet.
    Waits(String),
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
                    return results.into_iter().flatten().collect();
                }
                let result = match self.resolve(operation) {
                    Resolved::Ready(ready) => self.run(ready).await,
                    Resolved::Waits(reference) => {
                        let needed = operations.iter().zip(&results).position(|(one, done)| {
                            done.is_none() && one.bulk_id.as_ref() == Some(&reference)
                        });
                        if let Some(needed) = needed.filter(|needed| !stack.contains(needed)) {
                            stack.push(needed);
                            continue;
                        }
                        self.unresolved(operation, &reference)
                    }
                };
                if let Some(slot) = results.get_mut(top) {
                    *slot = Some(result);
                }
            }
        }
        results.into_iter().flatten().collect()
    }

    /// True where so many operations failed that the rest is left undone.
    fn has_failed(&self) -> bool {
        self.most.is_some_and(|most| most > 0 && self.failed >= most)
    }

    /// The operation with ids in the place of references.
    fn resolve(&self, operation: &BulkOperation) -> Resolved {
        let mut ready = operation.clone();
        let mut missing = None;
        let mut replace = |text: &mut String| {
            if let Some(reference) = text.strip_prefix(REFERENCE) {
                match self.made.get(reference) {
                    Some(id) => text.clone_from(id),
                    None => missing = Some(reference.to_owned()),
                }
            }
        };
        let mut segments: Vec<String> = ready.path.split('/').map(str::to_owned).collect();
        segments.iter_mut().for_each(&mut replace);
        ready.path = segments.join("/");
        if let Some(data) = &mut ready.data {
            each_text(data, &mut replace);
        }
        missing.map_or(Resolved::Ready(ready), Resolved::Waits)
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
        let detail = format!(
            "{REFERENCE}{reference} names no resource that this request made: its operation is missing, failed, or refers to this one"
        );
        self.fail(&mut result, &Failure::new(409, detail));
        result
    }
}

/// Visits the texts in a value.
fn each_text(value: &mut Json, visit: &mut impl FnMut(&mut String)) {
    match value {
        Json::String(text) => visit(text),
        Json::Array(values) => values.iter_mut().for_each(|value| each_text(value, visit)),
        Json::Object(entries) => entries.values_mut().for_each(|value| each_text(value, visit)),
        _ => {}
    }
}
