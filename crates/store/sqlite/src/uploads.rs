//! People that clients uploaded.

use async_trait::async_trait;
use model::{Anchor, JobId, Timestamp};
use rusqlite::{Params, Row, params};
use serde_json::{Map, Value as Json};
use store::{MAX_UPLOADED, StoreError, Upload, UploadRange, UploadStore, Uploaded, merge_upload};

use crate::SqliteStore;
use crate::encode::{count, from_text, limit, micros, moment, to_text};
use crate::error::{Done, corrupt};
use crate::jobs;
use crate::session::{Session, text};

fn number(number: u64) -> Done<i64> {
    i64::try_from(number).map_err(|error| corrupt("the number of an upload", &error))
}

fn range(session: &Session<'_>, job: i64) -> Done<UploadRange> {
    let found = session.first(
        "SELECT newest, floor, people, octets FROM upload_feed WHERE job = ?1",
        [job],
        |row| {
            let [newest, floor, people, octets] =
                [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?].map(count);
            Ok(UploadRange { newest, floor, people, octets })
        },
    )?;
    Ok(found.unwrap_or_default())
}

fn write_range(session: &Session<'_>, job: i64, range: UploadRange) -> Done<()> {
    session.run(
        "INSERT OR REPLACE INTO upload_feed (job, newest, floor, people, octets) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            job,
            number(range.newest)?,
            number(range.floor)?,
            number(range.people)?,
            number(range.octets)?
        ],
    )?;
    Ok(())
}

fn resource(text: &str) -> Done<Map<String, Json>> {
    from_text("an uploaded person", text)
}

/// A person who was uploaded before.
struct Before {
    row: i64,
    known: Map<String, Json>,
    octets: u64,
}

fn before(session: &Session<'_>, job: i64, anchor: &Anchor) -> Done<Option<Before>> {
    session.first(
        "SELECT id, coalesce(known, latest), octet_length(latest) + coalesce(octet_length(known), 0)
         FROM uploaded WHERE job = ?1 AND anchor = ?2",
        params![job, anchor.as_str()],
        |row| {
            let known = resource(row.get_ref(1)?.as_str()?)?;
            Ok(Before { row: row.get(0)?, known, octets: count(row.get(2)?) })
        },
    )
}

/// Writes one upload, and counts it.
fn put(session: &Session<'_>, job: i64, now: Timestamp, range: &mut UploadRange, upload: Upload) -> Done<()> {
    let Upload { anchor, resource } = upload;
    let before = before(session, job, &anchor)?;
    let latest = to_text(&resource)?;
    let (row, mut merged, octets) =
        before.map_or((None, Map::new(), 0), |before| (Some(before.row), before.known, before.octets));
    merge_upload(&mut merged, resource);
    let merged = to_text(&merged)?;
    if merged.len() > MAX_UPLOADED || latest.len() > MAX_UPLOADED {
        let id = anchor.to_string();
        return Err(StoreError::TooLarge { what: "uploaded person", id, most: MAX_UPLOADED }.into());
    }
    let known = (merged != latest).then_some(merged);
    let fresh = latest.len() + known.as_ref().map_or(0, String::len);
    range.newest += 1;
    range.people += u64::from(row.is_none());
    range.octets = range.octets.saturating_sub(octets) + u64::try_from(fresh).unwrap_or(u64::MAX);
    let (place, moment) = (number(range.newest)?, micros(now));
    match row {
        Some(row) => session.run(
            "UPDATE uploaded SET number = ?2, moment = ?3, latest = ?4, known = ?5 WHERE id = ?1",
            params![row, place, moment, latest, known],
        )?,
        None => session.run(
            "INSERT INTO uploaded (job, anchor, number, moment, latest, known) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![job, anchor.as_str(), place, moment, latest, known],
        )?,
    };
    Ok(())
}

fn person(row: &Row<'_>) -> Done<Uploaded> {
    let latest = resource(row.get_ref(3)?.as_str()?)?;
    let known = match row.get_ref(4)?.as_str_or_null()? {
        Some(known) => resource(known)?,
        None => latest.clone(),
    };
    Ok(Uploaded {
        anchor: Anchor::new(text(row, 0)?),
        number: count(row.get(1)?),
        moment: moment(row.get(2)?)?,
        latest,
        known,
    })
}

fn people(session: &Session<'_>, condition: &'static str, params: impl Params) -> Done<Vec<Uploaded>> {
    let sql =
        format!("SELECT anchor, number, moment, latest, known FROM uploaded WHERE job = ?1 {condition}");
    session.all(&sql, params, person)
}

#[async_trait]
impl UploadStore for SqliteStore {
    async fn put_uploads(
        &self,
        job: &JobId,
        now: Timestamp,
        uploads: Vec<Upload>,
    ) -> store::Result<UploadRange> {
        let job = job.clone();
        self.write(move |session| {
            let job = jobs::require(session, &job)?;
            let mut range = range(session, job)?;
            for upload in uploads {
                put(session, job, now, &mut range, upload)?;
            }
            write_range(session, job, range)?;
            Ok(range)
        })
        .await
    }

    async fn upload_range(&self, job: &JobId) -> store::Result<UploadRange> {
        let job = job.clone();
        self.read(move |session| range(session, jobs::require(session, &job)?)).await
    }

    async fn uploaded(&self, job: &JobId, anchor: &Anchor) -> store::Result<Option<Uploaded>> {
        let (job, anchor) = (job.clone(), anchor.clone());
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            let found = people(session, "AND anchor = ?2", params![job, anchor.as_str()])?;
            Ok(found.into_iter().next())
        })
        .await
    }

    async fn all_uploaded(
        &self,
        job: &JobId,
        after: Option<&Anchor>,
        most: usize,
    ) -> store::Result<Vec<Uploaded>> {
        let (job, after) = (job.clone(), after.cloned());
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            // No anchor is empty.
            let after = after.as_ref().map_or("", Anchor::as_str);
            people(session, "AND anchor > ?2 ORDER BY anchor LIMIT ?3", params![job, after, limit(most)])
        })
        .await
    }

    async fn uploaded_after(&self, job: &JobId, after: u64, most: usize) -> store::Result<Vec<Uploaded>> {
        let job = job.clone();
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            let after = number(after)?;
            people(session, "AND number > ?2 ORDER BY number LIMIT ?3", params![job, after, limit(most)])
        })
        .await
    }

    async fn clear_uploads(&self, job: &JobId) -> store::Result<u64> {
        let job = job.clone();
        self.write_bulk(move |session| {
            let job = jobs::require(session, &job)?;
            let UploadRange { newest, people, .. } = range(session, job)?;
            session.run("DELETE FROM uploaded WHERE job = ?1", [job])?;
            // The number that is passed over is above every cursor.
            let newest = newest + 1;
            write_range(session, job, UploadRange { newest, floor: newest, people: 0, octets: 0 })?;
            Ok(people)
        })
        .await
    }
}
