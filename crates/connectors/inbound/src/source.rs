use async_trait::async_trait;
use connector::{
    Change, ChangePage, ChangeRequest, ConnectorError, Cursor, ErrorClass, ReferencePage, Result, Selection,
    Source, SourceCapabilities, SourceObject,
};
use model::schema::DirectoryDefinition;
use model::{Anchor, FailureCode, JobId, Name};
use scim::schema::{ENTERPRISE_USER, USER as CORE_USER};
use serde::{Deserialize, Serialize};
use store::{SharedStore, StoreError, UploadRange, Uploaded};

use crate::definition::{USER, definition};
use crate::person::Columns;

/// Changes per page that suit the store and the engine.
const PAGE: usize = 500;
/// The names by which schemas ask for people.
const KINDS: [&str; 3] = [USER, CORE_USER, ENTERPRISE_USER];

/// Where a read stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// Uploads up to this number are yielded, or will be by the full read.
    number: u64,
    /// The last person that a full read yielded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Anchor>,
    /// People in all, while a full read goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    people: Option<u64>,
}

impl Position {
    fn cursor(&self) -> Result<Cursor> {
        let text = serde_json::to_string(self).map_err(|error| {
            ConnectorError::new(ErrorClass::Permanent, format!("the cursor cannot be written: {error}"))
        })?;
        Ok(Cursor(text))
    }

    /// The position that a cursor stands for, if what it would go on from is there.
    fn read(cursor: &Cursor, range: UploadRange) -> Result<Self> {
        let position: Self = serde_json::from_str(&cursor.0)
            .map_err(|error| refused(&format!("the cursor is none of the uploads': {error}")))?;
        let UploadRange { newest, floor, .. } = range;
        if position.number < floor || position.number > newest {
            let number = position.number;
            let why =
                format!("the cursor stands at upload {number}, but uploads {floor} to {newest} are known");
            return Err(refused(&why));
        }
        Ok(position)
    }
}

fn refused(why: &str) -> ConnectorError {
    ConnectorError::new(ErrorClass::CursorRefused, format!("a full read is needed: {why}"))
}

/// The people that were uploaded to one job.
pub struct InboundSource {
    store: SharedStore,
    job: JobId,
    capabilities: SourceCapabilities,
}

impl InboundSource {
    /// The source of a job.
    #[must_use]
    pub fn new(store: SharedStore, job: JobId) -> Self {
        let capabilities = SourceCapabilities { page_size: PAGE, ..SourceCapabilities::default() };
        Self { store, job, capabilities }
    }

    /// The next page of a full read.
    async fn full_page(
        &self,
        selection: Option<&Selection>,
        mut position: Position,
        size: usize,
    ) -> Result<ChangePage> {
        let total = position.people;
        let people = match selection {
            Some(_) => self
                .store
                .all_uploaded(&self.job, position.after.as_ref(), size)
                .await
                .map_err(|error| trouble(&error))?,
            None => Vec::new(),
        };
        let more = people.len() >= size;
        position.after = people.last().filter(|_| more).map(|person| person.anchor.clone());
        position.people = total.filter(|_| more);
        Ok(ChangePage { changes: changes(selection, people)?, cursor: position.cursor()?, more, total })
    }

    async fn increment(
        &self,
        selection: Option<&Selection>,
        mut position: Position,
        newest: u64,
        size: usize,
    ) -> Result<ChangePage> {
        let people = self
            .store
            .uploaded_after(&self.job, position.number, size)
            .await
            .map_err(|error| trouble(&error))?;
        let full = people.len() >= size;
        let last = people.last().map(|person| person.number);
        // Where the page is not full, there was nothing else up to the newest.
        position.number = last.filter(|last| full || *last > newest).unwrap_or(newest);
        let more = full && position.number < newest;
        Ok(ChangePage { changes: changes(selection, people)?, cursor: position.cursor()?, more, total: None })
    }
}

fn changes(selection: Option<&Selection>, people: Vec<Uploaded>) -> Result<Vec<Change>> {
    let Some(selection) = selection else { return Ok(Vec::new()) };
    let columns = Columns::of(selection)?;
    Ok(people.into_iter().map(|person| Change::Upsert(columns.shape(person))).collect())
}

#[async_trait]
impl Source for InboundSource {
    fn capabilities(&self) -> &SourceCapabilities {
        &self.capabilities
    }

    async fn changes(&self, request: ChangeRequest<'_>) -> Result<ChangePage> {
        request.selections.iter().try_for_each(|selection| known(&selection.kind))?;
        // People are of one type, by whichever of its names a schema asks.
        let selection = request.selections.first();
        let size = request.page_size.max(1);
        let range = self.store.upload_range(&self.job).await.map_err(|error| trouble(&error))?;
        let Some(cursor) = request.cursor else {
            let position = Position { number: range.newest, after: None, people: Some(range.people) };
            return self.full_page(selection, position, size).await;
        };
        let position = Position::read(cursor, range)?;
        if position.people.is_some() {
            return self.full_page(selection, position, size).await;
        }
        if position.number == range.newest {
            return Ok(ChangePage { changes: Vec::new(), cursor: cursor.clone(), more: false, total: None });
        }
        self.increment(selection, position, range.newest, size).await
    }

    async fn discover(&self) -> Result<Option<DirectoryDefinition>> {
        Ok(Some(definition()))
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<SourceObject>> {
        known(&selection.kind)?;
        let person = self.store.uploaded(&self.job, anchor).await.map_err(|error| trouble(&error))?;
        let columns = Columns::of(selection)?;
        Ok(person.map(|person| columns.shape(person)))
    }

    async fn references(
        &self,
        kind: &Name,
        _anchor: &Anchor,
        attribute: &Name,
        _cursor: Option<&Cursor>,
    ) -> Result<ReferencePage> {
        let detail =
            format!("{attribute} of {kind} is not read in pages: uploaded people have no such attribute");
        Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::SchemaAttributeNotFound))
    }
}

fn known(kind: &Name) -> Result<()> {
    if KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let detail = format!("uploads have no object type '{kind}': use {USER}");
    Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::EntityTypeNotSupported))
}

/// The store's trouble as a connector's.
fn trouble(error: &StoreError) -> ConnectorError {
    let class = match error {
        StoreError::NotFound { .. } => ErrorClass::NotFound,
        _ => ErrorClass::Retry { after: None },
    };
    ConnectorError::new(class, error.to_string()).code(FailureCode::InternalError)
}
