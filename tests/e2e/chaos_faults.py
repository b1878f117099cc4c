"""What a walk breaks, and mends again: {name: (how often, what it does)}. A weight of 0: only in long walks."""
import functools
import os
import shutil
import signal
import subprocess
import time

from faults import Proxy
from penstock import Process, free_port, wait_until
from test_disk_full import Hog

STOP = float(os.environ.get("PENSTOCK_STOP_SECONDS", "2"))


def argument(process, flag):
    return process.args[process.args.index(flag) + 1]


def some(walk, most=3):
    names = sorted(walk.server.processes)
    return walk.choose.sample(names, walk.choose.choice([1, 1, 1, 2, most]))


def kill(walk):
    names = some(walk)
    walk.say(f"SIGKILL {names}")
    for name in names:
        walk.server.processes[name].kill()
    time.sleep(walk.choose.choice([0, 0.05, 0.5, 3]))
    walk.choose.shuffle(names)
    for name in names:
        walk.server.processes[name].start()
        time.sleep(walk.choose.random() * 0.2)


def kill_all(walk):
    for process in walk.server.processes.values():
        process.signal(signal.SIGKILL)
    names = sorted(walk.server.processes)
    for name in names:
        walk.server.processes[name].kill()
    walk.choose.shuffle(names)
    for name in names:
        walk.server.processes[name].start()


def flap(walk):
    name, times = some(walk)[0], walk.choose.randrange(2, 6)
    walk.say(f"{name} is killed {times} times")
    for _ in range(times):
        walk.server.crash(name)
        time.sleep(walk.choose.random() * walk.choose.choice([0.05, 0.3, 1]))


def stop(walk):
    names, seconds = some(walk, 2), walk.choose.choice([0.3, STOP, STOP])
    walk.say(f"SIGSTOP {names} for {seconds} s")
    for name in names:
        walk.server.processes[name].signal(signal.SIGSTOP)
    time.sleep(seconds)
    for name in names:
        walk.server.processes[name].signal(signal.SIGCONT)


def long_stop(walk):
    names = some(walk, 2)
    walk.say(f"SIGSTOP {names} for 15 s")
    for name in names:
        walk.server.processes[name].signal(signal.SIGSTOP)
    time.sleep(15)
    for name in names:
        walk.server.processes[name].signal(signal.SIGCONT)


def half_collected(walk):
    name = walk.choose.choice(["compute-0", "compute-1", "compute-2"])
    walk.say(f"meta is killed while {name} stands still")
    walk.server.processes[name].signal(signal.SIGSTOP)
    time.sleep(0.3 + walk.choose.random())
    walk.server.crash("meta")
    time.sleep(walk.choose.random())
    walk.server.processes[name].signal(signal.SIGCONT)


def links(walk, act, seconds):
    names = walk.choose.sample(sorted(walk.server.proxies), walk.choose.choice([1, 1, 2]))
    walk.say(f"links to {names}: {act} for {seconds} s")
    for name in names:
        getattr(walk.server.proxies[name], act)()
    time.sleep(seconds)
    for name in names:
        walk.server.proxies[name].mend()


def cut(walk):
    links(walk, "cut", walk.choose.choice([0.05, 0.5, 3]))


def silence(walk):
    links(walk, "silence", walk.choose.choice([0.3, 2]))


def long_silence(walk):
    links(walk, "silence", 15)


def other_port(walk):
    name = walk.choose.choice(["compute-0", "compute-1", "compute-2"])
    walk.say(f"{name} comes back under another port")
    process = walk.server.processes[name]
    process.kill()
    port = free_port()
    process.args[process.args.index("--listen") + 1] = f"127.0.0.1:{port}"
    walk.server.proxies[name] = Proxy(port)
    process.args[process.args.index("--advertise") + 1] = walk.server.proxies[name].address
    process.start()


def rival(walk):
    """A second process on a folder that is in use is refused, and harms nobody."""
    name = walk.choose.choice(["meta", "compute-0", "compute-1"])
    walk.say(f"a second {name} on its folder")
    args = list(walk.server.processes[name].args)
    args[args.index("--listen") + 1] = f"127.0.0.1:{free_port()}"
    args[args.index("--metrics-listen") + 1] = "off"
    second = Process(f"{name}-rival", args, walk.server.folder).start()
    assert second.process.wait(20) != 0, second.log()
    assert "in use" in second.log() or "another process" in second.log(), second.log()


def leave(walk):
    """SIGTERM: hands its actors over, ends, comes back; another process may be killed meanwhile."""
    name = walk.choose.choice(["compute-0", "compute-1", "compute-2"])
    walk.say(f"{name} leaves and comes back")
    walk.server.processes[name].signal(signal.SIGTERM)
    if walk.choose.random() < 0.7:
        time.sleep(walk.choose.random() * walk.choose.choice([0.1, 1, 3]))
        other = walk.choose.choice([n for n in sorted(walk.server.processes) if n != name])
        walk.say(f"SIGKILL {other}")
        walk.server.crash(other)
    try:
        walk.server.processes[name].process.wait(120)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{name} has not ended 120 s after SIGTERM:\n{walk.server.processes[name].log()[-3000:]}") from None
    time.sleep(walk.choose.choice([0, 1]))
    walk.server.processes[name].start()


def empty_folder(walk):
    """Another node, until the folder is back: nothing may be computed on it that belongs to the lost one."""
    name = walk.choose.choice(["compute-0", "compute-1"])
    walk.say(f"{name} comes back with an empty folder")
    process = walk.server.processes[name]
    folder = argument(process, "--data-dir")
    process.kill()
    shutil.move(folder, folder + ".kept")
    process.start()
    time.sleep(walk.choose.choice([0.5, 3]))
    process.kill()
    shutil.move(folder, folder + f".{walk.choose.randrange(10**9)}")
    shutil.move(folder + ".kept", folder)
    process.start()


def broken_view(walk):
    """A view that always fails is left out, says why, and can be mended; the other database does not notice."""
    database = walk.choose.choice(sorted(walk.jobs))
    other = next(d for d in walk.jobs if d != database)
    ask = functools.partial(walk.query, port=walk.server.port)
    name = f"bad{walk.choose.randrange(10**9)}"
    path = os.path.join(walk.server.folder, f"{name}.csv")
    with open(path, "w") as f:
        f.write("id\n1\n2\n")
    recoveries = lambda d: ask(d, f"SELECT recoveries FROM penstock_databases WHERE name = '{d}'")[0][0]
    before = recoveries(other)
    state = lambda: next((row[3] for row in ask(database, "SHOW JOBS") if row[1] == name), None)
    ask(database, walk.source(f"{name}_lines", path))
    ask(database, f"CREATE MATERIALIZED VIEW {name} AS SELECT count(*) AS n FROM {name}_lines")
    with open(path, "a") as f:
        f.write("no number\n3\n")
    wait_until(lambda: state() == "quarantined", 60, f"{name} to be left out")
    walk.usable(time.monotonic())
    assert recoveries(other) == before, f"{other} was taken into recovery by a job of {database}"
    if walk.choose.random() < 0.7:
        ask(database, f"ALTER SOURCE {name}_lines CONNECTOR WITH (on_error = 'skip')")
        ask(database, f"ALTER MATERIALIZED VIEW {name} RESUME")
        ask(database, "WAIT")
        wait_until(lambda: ask(database, f"SELECT n FROM {name}") == [(3,)], 30, "the mended view to have its rows")
    ask(database, f"DROP MATERIALIZED VIEW {name}")


def disk_full(walk):
    """Of compute-2, and of nobody else."""
    if walk.disk is None:
        return calm(walk)
    walk.say("the disk of compute-2 is full")
    hog = Hog(walk.disk)
    hog.take(left_mb=walk.choose.choice([0, 0, 3]))
    for _ in range(4):
        time.sleep(0.5)
        hog.take(left_mb=0)
    if walk.choose.random() < 0.3:
        walk.say("SIGKILL compute-2 on its full disk")
        walk.server.processes["compute-2"].kill()
    hog.go()
    if walk.server.processes["compute-2"].process.poll() is not None:
        walk.server.processes["compute-2"].start()


def calm(walk):
    time.sleep(1)


FAULTS = {
    "calm": (1, calm),
    "kill": (6, kill),
    "kill_all": (1, kill_all),
    "flap": (2, flap),
    "stop": (3, stop),
    "half_collected": (2, half_collected),
    "cut": (3, cut),
    "silence": (2, silence),
    "other_port": (1, other_port),
    "rival": (1, rival),
    "leave": (2, leave),
    "empty_folder": (1, empty_folder),
    "broken_view": (1, broken_view),
    "disk_full": (0, disk_full),
    "long_stop": (0, long_stop),
    "long_silence": (0, long_silence),
}
