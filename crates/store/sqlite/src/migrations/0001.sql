-- Moments are microseconds since 1970; identifiers are the 16 octets of a UUID.

-- Words that rows repeat (job ids, rules, object types, mappings, attributes) stand here once, rows hold the number.
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    domain TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- The change feed is whole from here on.
    feed_floor INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE secret (
    tenant INTEGER NOT NULL REFERENCES tenant,
    owner BLOB NOT NULL,
    key TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, owner, key)
) STRICT, WITHOUT ROWID;

-- Jobs ---------------------------------------------------------------------------------------------------------------

CREATE TABLE job (
    -- The number of the job's id among the names.
    id INTEGER PRIMARY KEY REFERENCES name,
    tenant INTEGER NOT NULL REFERENCES tenant,
    owner BLOB NOT NULL,
    active INTEGER NOT NULL,
    created INTEGER NOT NULL,
    key BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX job_owner ON job (tenant, owner, created);
CREATE INDEX job_active ON job (id) WHERE active;

CREATE TABLE job_state (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    fence INTEGER NOT NULL DEFAULT 0,
    holder BLOB,
    lease_until INTEGER,
    status TEXT,
    runtime TEXT
) STRICT;

CREATE TABLE job_schema (
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    number INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT;

CREATE TABLE execution (
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE template (
    tenant INTEGER NOT NULL REFERENCES tenant,
    owner BLOB NOT NULL,
    id TEXT NOT NULL COLLATE NOCASE,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, id)
) STRICT;

-- Uploads ------------------------------------------------------------------------------------------------------------

-- How far the uploads of a job reach. Cursors below the floor are of no use.
CREATE TABLE upload_feed (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    newest INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    people INTEGER NOT NULL,
    octets INTEGER NOT NULL
) STRICT;

CREATE TABLE uploaded (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    anchor TEXT NOT NULL,
    number INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    latest TEXT NOT NULL,
    -- All uploads merged; null where that is the latest.
    known TEXT,
    UNIQUE (job, anchor),
    UNIQUE (job, number)
) STRICT;

-- The connector data store -------------------------------------------------------------------------------------------

-- Source objects that entries and edges of a job speak of.
CREATE TABLE object (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    anchor TEXT NOT NULL,
    UNIQUE (job, anchor)
) STRICT;

CREATE TABLE entry (
    object INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    job INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    mapping INTEGER NOT NULL,
    display_name TEXT,
    seen INTEGER NOT NULL,
    last_skip INTEGER NOT NULL,
    -- The link: null where there is none. Bits of `link`: 1 released, 2 matched, 4 disabled.
    target TEXT,
    -- A hash of the target anchor, which keeps the index small: target anchors are long and come in no order.
    target_hash INTEGER,
    target_kind INTEGER,
    link INTEGER,
    exported BLOB,
    PRIMARY KEY (object, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_target ON entry (job, target_hash) WHERE target_hash IS NOT NULL;

-- How many links there are, kept with every write of entries.
CREATE TABLE managed (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    target_kind INTEGER NOT NULL,
    links INTEGER NOT NULL,
    released INTEGER NOT NULL,
    PRIMARY KEY (job, rule, kind, target_kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge (
    owner INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    attribute INTEGER NOT NULL,
    referenced INTEGER NOT NULL,
    job INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    -- Wanted again after it was unwanted: whether the target shows it is not known.
    unsure INTEGER NOT NULL,
    multivalued INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    -- The target anchor that was exported.
    exported TEXT,
    -- What was exported, or may have been, as it was the account of the object referred to, which it is no longer: it is to
    -- be removed.
    former TEXT,
    attempts INTEGER NOT NULL,
    -- When it first failed; of no meaning before a try.
    first INTEGER,
    -- Not before this moment, after a failure; the largest number where it was given up.
    retry INTEGER,
    -- When it is to be exported: zero for at once, the largest number where it was given up, null where there is nothing
    -- to be exported.
    due INTEGER,
    PRIMARY KEY (owner, rule, attribute, referenced)
) STRICT, WITHOUT ROWID;
CREATE INDEX edge_referenced ON edge (referenced);
CREATE INDEX edge_due ON edge (job, due, owner, rule, attribute, wanted DESC) WHERE due IS NOT NULL;

CREATE TABLE escrow (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind INTEGER NOT NULL,
    failure TEXT NOT NULL,
    -- 0 for its moment, 1 for the end of the cycle, 2 for a change, 3 where it was given up.
    wait INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first INTEGER NOT NULL,
    next INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX escrow_due ON escrow (job, wait, next);

CREATE TABLE staged (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind INTEGER NOT NULL,
    action INTEGER NOT NULL,
    reason TEXT NOT NULL,
    absent INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;

-- When links were released. A row whose link is no longer released means nothing.
CREATE TABLE released (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    moment INTEGER NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE exclusion (
    job INTEGER NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    moment INTEGER NOT NULL,
    PRIMARY KEY (job, source)
) STRICT, WITHOUT ROWID;

-- What others changed at the target. `value` is the reference that was added or removed, else empty.
CREATE TABLE drift (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    attribute INTEGER NOT NULL,
    what TEXT NOT NULL,
    value TEXT NOT NULL,
    kind INTEGER NOT NULL,
    target_kind INTEGER NOT NULL,
    target TEXT NOT NULL,
    display_name TEXT,
    expected TEXT,
    found TEXT,
    since INTEGER NOT NULL,
    scan INTEGER NOT NULL,
    UNIQUE (job, rule, source, attribute, what, value)
) STRICT;

CREATE TABLE intent (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind INTEGER NOT NULL,
    target_kind INTEGER NOT NULL,
    matching TEXT NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE claim (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    holder BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;

-- Links that a reset made hints of.
CREATE TABLE hint (
    job INTEGER NOT NULL,
    rule INTEGER NOT NULL,
    source TEXT NOT NULL,
    kind INTEGER NOT NULL,
    display_name TEXT,
    target_kind INTEGER NOT NULL,
    target TEXT NOT NULL,
    -- As in `entry`.
    link INTEGER NOT NULL,
    PRIMARY KEY (job, rule, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan (
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    -- Sorts by moment.
    id BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE planned_change (
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    plan BLOB NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, plan, number)
) STRICT, WITHOUT ROWID;

-- Reports about the accounts of targets.
CREATE TABLE correlation (
    job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
    -- Sorts by moment.
    id BLOB NOT NULL,
    tenant INTEGER NOT NULL,
    run BLOB NOT NULL,
    -- 0 running, 1 complete, 2 failed.
    state INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX correlation_tenant ON correlation (tenant, id);
CREATE INDEX correlation_running ON correlation (id) WHERE state = 0;

-- Attempts to make reports. What they are made of stands under the attempt's number, in the order in which it came, and is
-- never changed.
CREATE TABLE correlation_run (
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    run BLOB NOT NULL,
    UNIQUE (job, run)
) STRICT;
CREATE TABLE correlated_account (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE correlated_object (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
-- What was found out about an account: its status, its object, and which of the object's keys it matches.
CREATE TABLE correlated (
    run INTEGER NOT NULL,
    account INTEGER NOT NULL,
    status INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    object INTEGER,
    matched INTEGER,
    error TEXT,
    PRIMARY KEY (run, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX correlated_status ON correlated (run, status, account);

-- Target objects that an initial cycle matches against.
CREATE TABLE indexed (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    anchor TEXT NOT NULL,
    attributes TEXT NOT NULL,
    keys TEXT NOT NULL,
    UNIQUE (job, kind, anchor)
) STRICT;
CREATE TABLE indexed_key (
    job INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    attribute INTEGER NOT NULL,
    value TEXT NOT NULL,
    indexed INTEGER NOT NULL,
    PRIMARY KEY (job, kind, attribute, value, indexed)
) STRICT, WITHOUT ROWID;

-- Logs ---------------------------------------------------------------------------------------------------------------

CREATE TABLE provisioning (
    number INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id BLOB NOT NULL,
    job INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    cycle BLOB NOT NULL,
    action INTEGER NOT NULL,
    outcome INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX provisioning_id ON provisioning (tenant, id);
-- A job's records, and what did not succeed: both are asked for among millions of others.
CREATE INDEX provisioning_job ON provisioning (job, id);
CREATE INDEX provisioning_trouble ON provisioning (tenant, outcome, id) WHERE outcome <> 0;
-- What else records say, those of some rows from number `first` on together: they say much the same.
CREATE TABLE provisioning_bodies (
    first INTEGER PRIMARY KEY,
    bodies BLOB NOT NULL
) STRICT;
-- The anchors of records, appended commit by commit: for each record from number `first` on two hashes of four octets, of
-- its object's anchor at the source and at the target, zero where there is none. Looking for an anchor reads them all;
-- an index that finds it at once would cost every cycle two places in no order for each record.
CREATE TABLE provisioning_anchors (
    first INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    hashes BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
    tenant INTEGER NOT NULL REFERENCES tenant,
    id BLOB NOT NULL,
    moment INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    activity INTEGER NOT NULL,
    target TEXT NOT NULL,
    -- Hashes of the target and of what it was called, by which rows are found without regard to case.
    target_hash INTEGER NOT NULL,
    name_hash INTEGER,
    old TEXT,
    new TEXT,
    success INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
-- With the activity, so that both are compared without the row.
CREATE INDEX audit_actor ON audit (tenant, actor, id, activity);
CREATE INDEX audit_activity ON audit (tenant, activity, id);
CREATE INDEX audit_target ON audit (tenant, target_hash, id);
CREATE INDEX audit_name ON audit (tenant, name_hash, id) WHERE name_hash IS NOT NULL;
CREATE INDEX audit_failure ON audit (tenant, id) WHERE success = 0;

-- Notices that wait to be delivered.
CREATE TABLE notice (
    id BLOB NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (id, channel)
) STRICT, WITHOUT ROWID;

-- The embedded directory ---------------------------------------------------------------------------------------------

CREATE TABLE directory_object (
    number INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    deleted INTEGER,
    properties TEXT NOT NULL,
    UNIQUE (tenant, kind, id)
) STRICT;
CREATE INDEX directory_bin ON directory_object (tenant, kind, id) WHERE deleted IS NOT NULL;

-- Folded beginnings of the properties, and of the words of properties, that are looked up.
CREATE TABLE directory_property (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    property INTEGER NOT NULL,
    value TEXT NOT NULL,
    object INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, property, value, object)
) STRICT, WITHOUT ROWID;

CREATE TABLE relation (
    tenant INTEGER NOT NULL,
    referrer BLOB NOT NULL,
    kind INTEGER NOT NULL,
    referred BLOB NOT NULL,
    -- Bits: 1 the referrer is in the bin, 2 the referred is.
    hidden INTEGER NOT NULL,
    PRIMARY KEY (tenant, referrer, kind, referred)
) STRICT, WITHOUT ROWID;
CREATE INDEX relation_referred ON relation (tenant, referred, kind, referrer, hidden);

CREATE TABLE assignment (
    tenant INTEGER NOT NULL,
    resource BLOB NOT NULL,
    id BLOB NOT NULL,
    principal BLOB NOT NULL,
    app_role BLOB NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, resource, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX assignment_id ON assignment (tenant, id);
CREATE UNIQUE INDEX assignment_principal ON assignment (tenant, principal, resource, app_role);

CREATE TABLE change (
    tenant INTEGER NOT NULL,
    number INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    object BLOB NOT NULL,
    -- The member, the principal, or the manager that a user has no more.
    other BLOB,
    origin INTEGER,
    PRIMARY KEY (tenant, number)
) STRICT, WITHOUT ROWID;

-- How far the change feed was at a moment, about once a day.
CREATE TABLE change_mark (
    tenant INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tenant, moment)
) STRICT, WITHOUT ROWID;
