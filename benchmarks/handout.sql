-- The rows of benchmarks.handout, without checks of foreign keys while they are filled in. :name is replaced; statements end with a semicolon at the end of a line.
SET session_replication_role = replica;
SET synchronous_commit = off;
CREATE FUNCTION pg_temp.name_of(n bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT encode(sha256(('copy' || n)::bytea), 'hex') $$;
INSERT INTO storage_account (id, username, password, roles, is_active, language)
  SELECT gen_random_uuid(), 'organiser-' || n, '', '["organiser"]', true, '' FROM generate_series(1, :branches) n;
INSERT INTO storage_account (id, username, password, roles, is_active, language, invited_by_id)
  SELECT gen_random_uuid(), 'reader-' || n, '', '["reader"]', true, '',
    (SELECT id FROM storage_account WHERE username = 'organiser-' || (n % :branches + 1))
  FROM generate_series(1, :people) n;
CREATE TEMPORARY TABLE people AS
  SELECT id, row_number() OVER () AS place FROM storage_account WHERE username LIKE 'reader-%';
CREATE INDEX ON people (place);
INSERT INTO storage_copy (copy, salt, picture, width, height, exact, look, station, contest, page, kind, lane, receipt,
    slot, state, identified, released)
  SELECT pg_temp.name_of(n), '', '', 1, 1, n::text, '[]', n::text, 'president', 1, 'wall_copy', 'stranger', '',
    '2026-03-01T20:00Z', CASE WHEN n % 2 = 0 THEN 'agreed' ELSE 'reading' END, true, ''
  FROM generate_series(1, :copies) n;
INSERT INTO storage_entry (id, type, body, refers, copy, station, contest, program, slot, author_id, index, withdrawn)
  SELECT gen_random_uuid(), 'reading', '{"values": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}}', '[]',
    pg_temp.name_of(n % :copies + 1), '', 'president', '', '2026-03-01T20:00Z', people.id, n, false
  FROM generate_series(1, :readings) n JOIN people ON people.place = (n::bigint * 7919) % :people + 1;
INSERT INTO storage_task (id, kind, copy_id, station, contest, fields, number, priority, draft, branches, gold)
  SELECT gen_random_uuid(), CASE WHEN n % 100 = 1 THEN 'third' WHEN n % 10 = 1 THEN 'identify' ELSE 'read' END,
    pg_temp.name_of(n), '', '', '["a", "b", "c", "d", "e", "f"]', k, n * 1000::bigint, '{}', '', false
  FROM generate_series(1, :copies, 2) n, generate_series(1, 2) k;
INSERT INTO storage_entry (id, type, body, refers, copy, station, contest, program, slot, author_id, index, withdrawn)
  SELECT gen_random_uuid(), 'reading', '{}', '[]', pg_temp.name_of(n), '', 'president', '', '2026-03-01T20:00Z',
    (SELECT id FROM people WHERE place = 1), 100000000 + n, false
  FROM generate_series(1, 10000, 2) n;
SET session_replication_role = origin;
SET synchronous_commit = on;
ANALYZE;
