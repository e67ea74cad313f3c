CREATE TABLE IF NOT EXISTS wt_version (version INTEGER PRIMARY KEY);
CREATE TABLE wt_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    chain_hash TEXT NOT NULL,
    layout TEXT NOT NULL,
    public_key TEXT NOT NULL,
    next_index BIGINT NOT NULL CHECK (next_index > 0)
  );
CREATE TABLE wt_tower (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_key TEXT NOT NULL UNIQUE,
    removed INTEGER NOT NULL DEFAULT 0
  );
CREATE TABLE wt_address (
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tower, address)
  );
CREATE TABLE wt_reservation (
    key_index INTEGER PRIMARY KEY CHECK (key_index > 0),
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    blob_type INTEGER NOT NULL,
    way TEXT NOT NULL,
    lease TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    for_ms DOUBLE PRECISION NOT NULL
  );
CREATE INDEX wt_reservation_triple ON wt_reservation (tower, blob_type, way);
CREATE TABLE wt_session (
    key_index INTEGER PRIMARY KEY CHECK (key_index > 0),
    id TEXT NOT NULL UNIQUE,
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    status TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    blob_type INTEGER NOT NULL,
    max_updates INTEGER NOT NULL,
    reward_base BIGINT NOT NULL,
    reward_rate BIGINT NOT NULL,
    sweep_fee_rate TEXT NOT NULL,
    reward_pk_script TEXT NOT NULL,
    seq_num INTEGER NOT NULL,
    tower_last_applied INTEGER NOT NULL
  );
CREATE INDEX wt_session_tower ON wt_session (tower, key_index);
CREATE INDEX wt_session_status ON wt_session (status, key_index);
CREATE TABLE wt_standing (
    blob_type INTEGER NOT NULL,
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    body TEXT NOT NULL,
    PRIMARY KEY (blob_type, tower)
  );
CREATE TABLE wt_quarantine (
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    policy_key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tower, policy_key)
  );
CREATE INDEX wt_session_created_at ON wt_session (created_at);
ALTER TABLE wt_tower ADD COLUMN additions INTEGER NOT NULL DEFAULT 1;
ALTER TABLE wt_tower ADD COLUMN last_addition TEXT;
CREATE TABLE wt_channel (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    sweep_pk_script TEXT NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0
  );
CREATE TABLE wt_backup (
    id BIGINT PRIMARY KEY,
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    height BIGINT NOT NULL,
    policy_key TEXT NOT NULL,
    hint TEXT NOT NULL,
    blob BYTEA NOT NULL,
    copies INTEGER NOT NULL,
    UNIQUE (channel, height)
  );
CREATE INDEX wt_backup_policy ON wt_backup (policy_key, id);
CREATE TABLE wt_counter (id INTEGER PRIMARY KEY CHECK (id = 1), last_backup BIGINT NOT NULL);
CREATE TABLE wt_update (
    backup BIGINT NOT NULL REFERENCES wt_backup (id),
    session INTEGER NOT NULL REFERENCES wt_session (key_index),
    tower INTEGER NOT NULL,
    seq_num INTEGER,
    PRIMARY KEY (backup, session),
    UNIQUE (session, seq_num)
  );
CREATE INDEX wt_update_tower ON wt_update (tower, backup);
CREATE INDEX wt_update_bound ON wt_update (backup) WHERE seq_num IS NOT NULL;
CREATE TABLE wt_acked (
    session INTEGER NOT NULL REFERENCES wt_session (key_index),
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (session, channel, last)
  );
CREATE INDEX wt_acked_channel ON wt_acked (channel, last);
CREATE TABLE wt_ineligible (
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (channel, last)
  );
CREATE TABLE wt_client (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token TEXT,
    since DOUBLE PRECISION NOT NULL,
    for_ms DOUBLE PRECISION NOT NULL
  );
ALTER TABLE wt_session ADD COLUMN way TEXT;
ALTER TABLE wt_session ADD COLUMN failing_since DOUBLE PRECISION;
ALTER TABLE wt_session ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wt_session ADD COLUMN ended TEXT;
CREATE INDEX wt_session_sending ON wt_session (way, key_index)
    WHERE status = 'active' AND ended IS NULL AND tower_last_applied < max_updates;
ALTER TABLE wt_tower ADD COLUMN deactivated INTEGER NOT NULL DEFAULT 0;
INSERT INTO wt_version (version) VALUES (1);
INSERT INTO wt_version (version) VALUES (2);
INSERT INTO wt_version (version) VALUES (3);
INSERT INTO wt_version (version) VALUES (4);
INSERT INTO wt_version (version) VALUES (5);
INSERT INTO wt_version (version) VALUES (6);
INSERT INTO wt_identity (id, chain_hash, layout, public_key, next_index) VALUES (1, '0000000000000000000000000000000000000000000000000000000000000006', 'lnd', '020000000000000000000000000000000000000000000000000000000000000fff', '108');
INSERT INTO wt_tower (id, public_key, removed, additions, last_addition, deactivated) OVERRIDING SYSTEM VALUE VALUES (2, '020000000000000000000000000000000000000000000000000000000000000002', 0, 1, '4b723e8b62ca39b71325db9e99c4cfcf', 0);
INSERT INTO wt_tower (id, public_key, removed, additions, last_addition, deactivated) OVERRIDING SYSTEM VALUE VALUES (1, '020000000000000000000000000000000000000000000000000000000000000001', 0, 2, 'baf77a3a0a8bd8c09a00cb092f96ec42', 0);
INSERT INTO wt_tower (id, public_key, removed, additions, last_addition, deactivated) OVERRIDING SYSTEM VALUE VALUES (3, '020000000000000000000000000000000000000000000000000000000000000003', 1, 1, '5f0732714e29a5118207c6b1a4392f8f', 0);
INSERT INTO wt_address (tower, address, position) VALUES (1, 'tower-1.example:9911', 1);
INSERT INTO wt_address (tower, address, position) VALUES (2, 'tower-3.example:9911', 1);
INSERT INTO wt_address (tower, address, position) VALUES (3, 'tower-4.example:9911', 1);
INSERT INTO wt_address (tower, address, position) VALUES (1, 'tower-2.example:9911', 2);
INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms) VALUES (103, 2, 2, 'clear', 'b8c9a9228dce85a0aa77443ac78531b1', 1795885751859, 0);
INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms) VALUES (104, 1, 2, 'clear', '4a2fe96fc509b19f945f426b4ca26419', 1795885752093, 0);
INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms) VALUES (106, 3, 2, 'clear', '63dfae8d3aa17a802ebe36b7df73642d', 1795885752264, 0);
INSERT INTO wt_reservation (key_index, tower, blob_type, way, lease, since, for_ms) VALUES (107, 2, 2, 'tor', 'ebfd7c495c198197ed11d0dde7766143', 1795885752364, 120000);
INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way, failing_since, refusals, ended) VALUES (100, '030000000000000000000000000000000000000000000000000000000000000064', 1, 'active', 1700000000000, 2, 1024, '0', '0', '2500', '', 0, 0, 'clear', NULL, 0, NULL);
INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way, failing_since, refusals, ended) VALUES (102, '030000000000000000000000000000000000000000000000000000000000000066', 2, 'active', 1700000000000, 2, 1024, '0', '0', '2500', '', 0, 0, 'clear', NULL, 0, NULL);
INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way, failing_since, refusals, ended) VALUES (101, '030000000000000000000000000000000000000000000000000000000000000065', 1, 'active', 1700000000000, 2, 1024, '0', '0', '2500', '', 0, 0, 'clear', NULL, 0, NULL);
INSERT INTO wt_session (key_index, id, tower, status, created_at, blob_type, max_updates, reward_base, reward_rate, sweep_fee_rate, reward_pk_script, seq_num, tower_last_applied, way, failing_since, refusals, ended) VALUES (105, '030000000000000000000000000000000000000000000000000000000000000069', 3, 'inactive', 1700000000000, 2, 1024, '0', '0', '2500', '', 0, 0, 'clear', NULL, 0, NULL);
INSERT INTO wt_standing (blob_type, tower, body) VALUES (2, 1, '{"failedVisits":0,"addresses":{},"attempts":0,"sessions":1,"failuresByKind":{}}');
INSERT INTO wt_standing (blob_type, tower, body) VALUES (2, 3, '{"failedVisits":0,"addresses":{},"attempts":0,"sessions":1,"failuresByKind":{}}');
INSERT INTO wt_standing (blob_type, tower, body) VALUES (2, 2, '{"failedVisits":3,"lastVisit":1699999999000,"lastSession":1699999998000,"addresses":{"tower-1.example:9911":{"lastSuccess":1699999998000,"lastFailure":1699999999000,"failures":2},"[::1]:9911":{"failures":0}},"attempts":17,"sessions":4,"failuresByKind":{"DialFailed":12,"SessionRejected":1}}');
INSERT INTO wt_quarantine (tower, policy_key, body) VALUES (2, '2/1024/0/0/2500', '{"since":1699999999500,"reason":"RejectSweepFeeRate"}');
INSERT INTO wt_counter (id, last_backup) VALUES (1, '0');
INSERT INTO wt_client (id, token, since, for_ms) VALUES (1, NULL, 0, 0);
SELECT setval(pg_get_serial_sequence('wt_tower', 'id'), (SELECT max(id) FROM wt_tower));
