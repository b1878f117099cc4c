-- Three live views over real flights. Variables: dir (folder of the data), flights (file), rate (rows a second; 0: as fast as it goes).

CREATE SOURCE flights (
  departure TIMESTAMP, origin VARCHAR, destination VARCHAR, delay_minutes BIGINT, distance_miles BIGINT
) WITH (
  connector = 'posix_fs', posix_fs.root = :'dir', match_pattern = :'flights', source_rate_limit = :'rate'
) FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',');

CREATE SOURCE airports (
  iata VARCHAR, name VARCHAR, city VARCHAR, state VARCHAR, country VARCHAR, latitude DOUBLE PRECISION, longitude DOUBLE PRECISION
) WITH (
  connector = 'posix_fs', posix_fs.root = :'dir', match_pattern = 'airports.csv'
) FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ',');

-- Which airports see most departures, by name.
CREATE MATERIALIZED VIEW busiest_airports AS
SELECT a.iata, a.name, a.city, a.state, f.departures, f.total_delay
FROM (SELECT origin, count(*) AS departures, sum(delay_minutes) AS total_delay FROM flights GROUP BY origin) AS f
JOIN airports AS a ON a.iata = f.origin;

-- How late flights leave, hour by hour.
CREATE MATERIALIZED VIEW delay_per_hour AS
SELECT window_start, count(*) AS flights, avg(delay_minutes) AS mean_delay, count(*) FILTER (WHERE delay_minutes > 15) AS late
FROM TUMBLE(flights, departure, INTERVAL '1 hour')
GROUP BY window_start;

-- Which routes are worst.
CREATE MATERIALIZED VIEW worst_routes AS
SELECT origin, destination, count(*) AS flights, sum(delay_minutes) AS total_delay, min(delay_minutes) AS earliest,
       max(delay_minutes) AS latest, avg(delay_minutes) AS mean_delay, sum(distance_miles) AS miles
FROM flights
GROUP BY origin, destination;
