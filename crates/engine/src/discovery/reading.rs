//! The objects of the source, written down with what their accounts are known by.

use connector::Change;
use model::correlation::{CorrelatedKey, CorrelatedObject, CorrelatedParty, NamedValue};
use model::provisioning::REDACTED;
use model::{Anchor, Value};
use sync::{AttributeFlow, Candidate, candidate};

use super::join::Candidates;
use super::{Discovery, End};
use crate::cycle::{Ahead, Cycle, Item, Mode};

impl Discovery<'_> {
    /// Reads the source from its beginning.
    pub(super) async fn read(&self, cycle: &Cycle<'_>) -> Result<Candidates, End> {
        let mut candidates = Candidates::default();
        let mut ahead = Ahead::read(self.services, self.prepared, None);
        loop {
            let page = ahead.page().await.map_err(|error| End::Failed(error.failure()))?;
            if page.more {
                ahead = Ahead::read(self.services, self.prepared, Some(page.cursor));
            }
            let (count, objects) = self.objects(cycle, page.changes, &mut candidates).await?;
            self.services.store.add_objects(&self.prepared.job.id, self.run, objects).await?;
            self.note(|report| {
                report.objects += count;
                report.total_objects = page.total.or(report.total_objects);
            })
            .await?;
            if !page.more {
                self.show().await?;
                return Ok(candidates);
            }
        }
    }

    /// How many objects a page has, and those of them that may have accounts.
    async fn objects(
        &self,
        cycle: &Cycle<'_>,
        changes: Vec<Change>,
        candidates: &mut Candidates,
    ) -> Result<(u64, Vec<(u32, CorrelatedObject)>), End> {
        let anchors: Vec<Anchor> = changes.iter().map(|change| change.anchor().clone()).collect();
        let memory = cycle.links_of(&anchors).await?;
        let (mut count, mut items) = (0, Vec::new());
        for change in changes {
            if let Change::Upsert(source) = change {
                count += 1;
                drop(cycle.items_of(source, &memory, &mut items));
            }
        }
        let mut context = self.prepared.context(self.services.clock.now(), self.services);
        let mut rows = Vec::with_capacity(items.len());
        for mut item in items {
            if !self.linked {
                item.entry = None;
            }
            let known = candidate(&item.facts(&self.prepared.policy, Mode::LOOK), &mut context);
            let known = known.filter(|known| known.link.is_some() || !known.keys.is_empty());
            rows.extend(
                known.map(|known| (self.number(&item, &known, candidates), self.object(&item, known))),
            );
        }
        Ok((count, rows))
    }

    fn number(&self, item: &Item<'_>, known: &Candidate, candidates: &mut Candidates) -> u32 {
        let mapping = item.mapping;
        let kind = &mapping.target_kind;
        let object = self.hashes.of_anchor(&mapping.source_kind, item.anchor.as_str());
        let link = known.link.as_ref().map(|link| self.hashes.of_anchor(kind, link.as_str()));
        let keys = known
            .keys
            .iter()
            .map(|(attribute, value, case_exact)| self.hashes.of_value(kind, attribute, value, *case_exact));
        candidates.add(object, link, keys, known.assigned)
    }

    fn object(&self, item: &Item<'_>, known: Candidate) -> CorrelatedObject {
        let mapping = item.mapping;
        let shown = |flow: &AttributeFlow, value: &Value| {
            if flow.redacted { REDACTED.to_owned() } else { value.to_string() }
        };
        let at_source = |flow: &AttributeFlow| {
            let name = flow.source_attribute(mapping)?;
            let value = item.source.as_ref()?.object.get(name);
            Some(NamedValue { name: name.clone(), value: shown(flow, value) })
        };
        let keys = known.keys.into_iter().filter_map(|(attribute, value, _)| {
            let flow = mapping.matching().find(|flow| flow.attribute == attribute)?;
            let at_target = NamedValue { name: attribute, value: shown(flow, &value) };
            Some(CorrelatedKey { at_source: at_source(flow), at_target })
        });
        let kind = &mapping.source_kind;
        CorrelatedObject {
            party: CorrelatedParty {
                kind: kind.clone(),
                anchor: NamedValue { name: self.anchors.of_source(kind), value: item.anchor.to_string() },
                matching: mapping.matching().next().and_then(at_source),
                display_name: item.source.as_ref().and_then(|source| source.display_name.clone()),
            },
            keys: keys.collect(),
        }
    }
}
