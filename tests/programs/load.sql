-- SPDX-License-Identifier: Apache-2.0
-- Tables, an index, joins, groups, documents of JSON, text that grows: a day of sqlite3 in a second.
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT, age INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO person SELECT i, printf('person %d', i * 7919 % 100000), 'town ' || (i % 977), i % 90
    FROM n;
COMMIT;
CREATE INDEX by_town ON person(town, age);
SELECT count(*), sum(age) FROM person;
SELECT town, count(*), group_concat(name) FROM person GROUP BY town ORDER BY town LIMIT 5;
SELECT sum(length(a)) FROM (SELECT group_concat(name, '') a FROM person GROUP BY town);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    SELECT sum(p.age), count(DISTINCT p.town) FROM n JOIN person p ON p.id = n.i * 31 % 100000;
SELECT count(*) FROM person a JOIN person b ON a.town = b.town AND a.age = b.age WHERE a.id < 20000;
CREATE TEMP TABLE document AS SELECT id, json_object('name', name, 'home',
        json_object('town', town, 'since', age), 'marks', json_array(id % 7, id % 11, id % 13)) body
    FROM person WHERE id <= 40000;
UPDATE document SET body = json_set(body, '$.home.since', json_extract(body, '$.home.since') + 1);
SELECT json_extract(body, '$.home.town') home, sum(m.value), max(length(body))
    FROM document, json_each(body, '$.marks') m GROUP BY home ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE person SET name = name || ' the ' || age || 'th' WHERE age > 20;
DELETE FROM person WHERE id % 3 = 0;
SELECT max(name), sum(length(name)) FROM person;
