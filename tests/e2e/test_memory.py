"""Memory of a long epoch: bounded by the budget, and the job goes on."""
from penstock import Playground, wait_until


def test_what_one_long_epoch_changes_is_bounded_in_memory_and_a_checkpoint_comes_early():
    limit = 64 << 20
    with Playground("--memory-mb", "64", "--barrier-interval-ms", "60000") as server:
        server.sql("""CREATE SOURCE s (id BIGINT, v BIGINT) WITH (connector = 'datagen', fields.id.kind = 'sequence',
                      datagen.rows.per.second = '1000000')""")
        server.sql("CREATE MATERIALIZED VIEW m AS SELECT id, count(*) AS n, sum(v) AS total FROM s GROUP BY id")
        seen = []

        # What operators have given out leaves memory long before the interval is over; rows of the last 10 s stay readable.
        def gave_rows_out():
            seen.append(server.sql("SELECT state_bytes, unflushed_bytes FROM penstock_workers")[0])
            most = max(unflushed for _, unflushed in seen)
            return most > limit and seen[-1][1] < 0.9 * most

        wait_until(gave_rows_out, 55, "unflushed rows leave memory")
        assert 0.9 * limit < max(state for state, _ in seen) < 1.25 * limit + (16 << 20)
        rows, keys = server.sql("SELECT sum(n), count(*) FROM m")[0]
        assert rows == keys and keys > 300_000, "no checkpoint came before its time"
