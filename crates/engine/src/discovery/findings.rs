//! What is found out about each account, once all accounts and all objects of the source are there.

use std::collections::{HashMap, HashSet};

use model::correlation::{CorrelatedObject, CorrelatedParty, CorrelationCounts, CorrelationStatus, Finding};
use model::job::ErrorText;
use model::{Failure, FailureCode};

use super::join::{Accounts, Candidates, Claim, Joined, Standing};
use super::{Discovery, End};

/// Findings that are written at once.
const WRITTEN: usize = 5_000;
/// Accounts that an error names.
const NAMED: usize = 5;

/// What errors name, by numbers.
#[derive(Default)]
struct Named {
    accounts: HashMap<u32, CorrelatedParty>,
    objects: HashMap<u32, CorrelatedObject>,
}

impl Discovery<'_> {
    /// Joins accounts and objects, and writes what that tells of every account.
    pub(super) async fn conclude(
        &self,
        accounts: Accounts,
        candidates: Candidates,
    ) -> Result<CorrelationCounts, End> {
        let joined = tokio::task::spawn_blocking(move || Joined::new(accounts, candidates)).await;
        let joined = joined.map_err(|error| {
            let words = format!("comparing broke off: {error}");
            End::Failed(Failure::new(FailureCode::InternalError, words))
        })?;
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let (mut counts, mut number) = (CorrelationCounts::default(), 0);
        for standings in joined.standings.chunks(WRITTEN) {
            let named = self.named(&joined, standings).await?;
            let moment = self.services.clock.now();
            let findings: Vec<Finding> = (number..)
                .zip(standings)
                .map(|(account, standing)| {
                    let claim = match standing {
                        // Of several accounts, each shows the value that it has itself.
                        Standing::Ambiguous { .. } => None,
                        _ => standing.claim(),
                    };
                    Finding {
                        account,
                        moment,
                        status: status(standing),
                        object: claim.map(|claim| claim.object),
                        key: claim.and_then(|claim| claim.key),
                        error: named.error(&joined, standing),
                    }
                })
                .collect();
            for finding in &findings {
                *counts.of_mut(finding.status) += 1;
                number = finding.account + 1;
            }
            store.add_findings(job, self.run, findings).await?;
        }
        Ok(counts)
    }

    /// What the errors of accounts name.
    async fn named(&self, joined: &Joined, standings: &[Standing]) -> Result<Named, End> {
        let (mut accounts, mut objects) = (HashSet::new(), HashSet::new());
        for standing in standings {
            match standing {
                Standing::Local | Standing::Owned { .. } => {}
                Standing::Contested { by, and } => objects.extend([by.object, *and]),
                Standing::Ambiguous { by } => {
                    objects.insert(by.object);
                    accounts.extend(joined.accounts_of(*by).take(NAMED));
                }
            }
        }
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let (accounts, objects): (Vec<_>, Vec<_>) =
            (accounts.into_iter().collect(), objects.into_iter().collect());
        let mut named = Named::default();
        if !accounts.is_empty() {
            named.accounts.extend(store.accounts_of(job, self.run, &accounts).await?);
        }
        if !objects.is_empty() {
            named.objects.extend(store.objects_of(job, self.run, &objects).await?);
        }
        Ok(named)
    }
}

impl Named {
    /// Why nobody can say whose the account is, where that is so.
    fn error(&self, joined: &Joined, standing: &Standing) -> Option<ErrorText> {
        let (code, message) = match standing {
            Standing::Local | Standing::Owned { .. } => return None,
            Standing::Contested { by, and } => {
                let [one, other] = [by.object, *and].map(|object| self.object(object));
                let words = format!("the objects {one} and {other} of the source both match the account");
                (FailureCode::DuplicateSourceEntries, words)
            }
            Standing::Ambiguous { by } => (FailureCode::DuplicateTargetEntries, self.several(joined, *by)),
        };
        Some(ErrorText { code: code.wire().to_owned(), message })
    }

    fn object(&self, number: u32) -> &str {
        self.objects.get(&number).map_or("?", |object| object.party.anchor.value.as_str())
    }

    fn several(&self, joined: &Joined, by: Claim) -> String {
        let accounts = joined.accounts_of(by);
        let count = accounts.len();
        let key = by.key.and_then(|key| self.objects.get(&by.object)?.keys.get(usize::from(key)));
        let (attribute, value) =
            key.map_or(("?", "?"), |key| (key.at_target.name.as_str(), key.at_target.value.as_str()));
        let anchors: Vec<&str> = accounts
            .take(NAMED)
            .filter_map(|account| Some(self.accounts.get(&account)?.anchor.value.as_str()))
            .collect();
        format!("{count} accounts have {attribute} = '{value}', among them {}", anchors.join(", "))
    }
}

fn status(standing: &Standing) -> CorrelationStatus {
    match standing {
        Standing::Local => CorrelationStatus::Uncorrelated,
        Standing::Owned { assigned: true, .. } => CorrelationStatus::CorrelatedAssigned,
        Standing::Owned { assigned: false, .. } => CorrelationStatus::CorrelatedNotAssigned,
        Standing::Contested { .. } | Standing::Ambiguous { .. } => CorrelationStatus::FailToCorrelate,
    }
}
