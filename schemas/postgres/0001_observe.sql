-- What silt tells about its work: samples of the stages, tracked failures, lag, and the catalogue of
-- slots and files. Best effort: the archive proves itself without any of it.
-- stage_metric, failure and lag are partitioned by day (UTC); silt.maintain keeps the partitions.

create table silt.stage_metric (
    bucket timestamptz not null,        -- when the sampled interval began
    interval_ms integer not null,
    worker text not null,
    boot text not null,                 -- one run of a worker: no row is counted twice
    stage text not null,
    success bigint not null,
    failure bigint not null,
    bytes bigint not null,
    retries bigint not null,
    latency_count bigint not null,
    latency_sum_us bigint not null,
    latency_p50_us bigint,
    latency_p95_us bigint,
    latency_p99_us bigint,
    latency_max_us bigint,
    histogram jsonb not null,           -- [[microseconds, count], ...], values at most 0.4 % off
    failure_types jsonb not null,       -- {"timeout": 3}
    primary key (bucket, worker, boot, stage)
) partition by range (bucket);
create table silt.stage_metric_default partition of silt.stage_metric default;

create table silt.failure (
    ts timestamptz not null,
    worker text not null,
    boot text not null,
    number bigint not null,             -- counts within the boot
    stage text not null,
    failure_type text not null,
    sensor_id text,
    topic text,
    partition integer,
    kafka_offset bigint,
    correlation_id text,
    message text,
    metadata jsonb not null,
    primary key (ts, worker, boot, number)
) partition by range (ts);
create table silt.failure_default partition of silt.failure default;
create index failure_stage on silt.failure (stage, failure_type, ts);
create index failure_sensor on silt.failure (sensor_id, ts) where sensor_id is not null;

-- Unknown is null, never 0. A row is written when something changed, and at least once a minute.
create table silt.lag (
    ts timestamptz not null,
    worker text not null,
    boot text not null,
    cluster text not null,
    topic text not null,
    topic_id text not null,
    partition integer not null,
    log_start bigint,
    durable bigint,
    position bigint,
    cut bigint,
    staged bigint,
    high bigint,
    lag bigint,
    lag_seconds double precision,
    retention_seconds_left double precision,
    drain_per_s bigint,
    state text,
    primary key (ts, worker, boot, topic_id, topic, partition)
) partition by range (ts);
create table silt.lag_default partition of silt.lag default;
create index lag_topic on silt.lag (topic, partition, ts);

create table silt.slot (
    cluster text not null,
    topic text not null,
    topic_id text not null,
    partition integer not null,
    seq bigint not null,
    kind text not null,
    start bigint not null,
    next bigint not null,
    records bigint not null,            -- tombstones included
    tombstones bigint not null,
    rejected bigint not null,
    holes bigint not null,
    unreadable bigint not null,
    ts_min timestamptz,
    ts_max timestamptz,
    delay_ms bigint,
    uuid text not null,
    worker text not null,
    durable_at timestamptz not null,
    primary key (topic_id, partition, seq)
);
create index slot_topic on silt.slot (topic, partition, start);

create table silt.file (
    topic_id text not null,
    partition integer not null,
    seq bigint not null,
    number integer not null,
    key text not null,
    role text not null,
    codec text not null,
    bytes bigint not null,
    records bigint not null,
    first_offset bigint not null,
    last_offset bigint not null,
    schema_id integer,
    primary key (topic_id, partition, seq, number)
);

-- Rows only where the books do not balance. A slot of kind lineage turns back by its nature; gap and
-- skip may leave their range unexplained, that is what they record.
create view silt.balance as
select cluster, topic, topic_id, partition, seq, 'offsets' as fault,
       records + rejected + holes + unreadable as counted, next - start as expected
from silt.slot
where kind <> 'lineage'
  and records + rejected + holes + unreadable <> next - start
  and not (kind in ('gap', 'skip') and records + rejected + holes + unreadable = 0)
union all
select s.cluster, s.topic, s.topic_id, s.partition, s.seq, 'files',
       coalesce(sum(f.records), 0)::bigint, s.records + s.rejected
from silt.slot s
left join silt.file f using (topic_id, partition, seq)
group by s.topic_id, s.partition, s.seq
having coalesce(sum(f.records), 0) <> s.records + s.rejected
union all
select cluster, topic, topic_id, partition, seq, 'sequence', seq, seq_before + 1
from (select *, lag(seq) over chain as seq_before from silt.slot
      window chain as (partition by cluster, topic_id, partition order by seq)) a
where seq <> seq_before + 1
union all
select cluster, topic, topic_id, partition, seq, 'start', start, next_before
from (select *, lag(seq) over chain as seq_before, lag(next) over chain as next_before from silt.slot
      window chain as (partition by cluster, topic_id, partition order by seq)) b
where seq = seq_before + 1 and start <> next_before and kind <> 'lineage';

-- Makes the partitions of yesterday, today and tomorrow and drops those older than the retention.
-- A day that already has rows in the default partition stays there. Waits for no lock for long.
create function silt.maintain(retention_days integer) returns void language plpgsql as $$
declare
    parent text;
    day date;
    old record;
    today date := (now() at time zone 'UTC')::date;
    oldest date := today - retention_days;
begin
    perform pg_advisory_xact_lock(1936288885);
    perform set_config('lock_timeout', '2s', true);
    foreach parent in array array['stage_metric', 'failure', 'lag'] loop
        for day in select today + n from generate_series(-1, 1) n loop
            begin
                execute format('create table if not exists silt.%I partition of silt.%I'
                               ' for values from (%L) to (%L)',
                               parent || to_char(day, '"_"YYYYMMDD'), parent,
                               day || ' 00:00:00+00', (day + 1) || ' 00:00:00+00');
            exception when check_violation or lock_not_available then null;
            end;
        end loop;
        for old in
            select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = ('silt.' || parent)::regclass
              and c.relname ~ ('^' || parent || '_[0-9]{8}$')
              and to_date(right(c.relname, 8), 'YYYYMMDD') < oldest
        loop
            begin
                execute format('drop table silt.%I', old.relname);
            exception when lock_not_available then null;
            end;
        end loop;
        execute format('delete from silt.%I where %I < %L', parent || '_default',
                       case parent when 'stage_metric' then 'bucket' else 'ts' end,
                       oldest || ' 00:00:00+00');
    end loop;
end
$$;
