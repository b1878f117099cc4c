#!/usr/bin/env python3
"""The house's own rules, over all tracked sources.

    check_rules.py            exits 1 if a rule is broken; sizes of files and functions are only reported

Rules: no clock, sleep, randomness, thread or socket outside src/runtime, src/rpc and src/http; headers of big libraries stay in their
folders; no test sleeps.
"""
import re
import subprocess
import sys

RUNTIME_ONLY = re.compile(
    r"(steady|system|high_resolution)_clock::now|std::random_device|std::mt19937|this_thread::sleep|\busleep\(|\bnanosleep\(|std::j?thread\b|::socket\("
)
HOME = {
    r"#include <rocksdb/": ("src/storage/rocksdb/", "src/meta/store/"),
    r"#include <grpc": ("src/rpc/",),
    r"#include <boost/(asio|beast)": ("src/runtime/", "src/rpc/", "src/http/"),
    r"#include <pg_query": ("src/frontend/parser/",),
    r"#include <openssl": ("src/frontend/pgwire/", "src/rpc/", "tests/unit/rpc/", "src/expr/", "src/storage/object_store/"),
    r"#include <spdlog": ("src/common/",),
    r"#include <yaml-cpp": ("src/bench/",),
    r"#include <toml": ("src/cmd/",),
    r"#include <CLI/": ("src/cmd/", "tests/unit/cmd/"),
}


def main():
    files = subprocess.run(["git", "ls-files", "src", "tests", "benches"], capture_output=True, text=True, check=True).stdout.split()
    broken, notes = [], []
    for name in files:
        if not name.endswith((".cc", ".h")):
            continue
        with open(name, encoding="utf-8") as f:
            lines = f.read().split("\n")
        for number, line in enumerate(lines, 1):
            at = f"{name}:{number}"
            if name.startswith("src/") and not name.startswith(("src/runtime/", "src/rpc/", "src/http/")) and RUNTIME_ONLY.search(line):
                broken.append(f"{at}: clock, sleep, randomness, thread or socket outside src/runtime: {line.strip()}")
            if name.startswith("tests/") and re.search(r"sleep_for|sleep_until|DISABLED_", line):
                broken.append(f"{at}: a test sleeps or is disabled: {line.strip()}")
            for pattern, homes in HOME.items():
                if re.search(pattern, line) and not name.startswith(homes):
                    broken.append(f"{at}: this header belongs only to {', '.join(homes)}")
        if len(lines) > 600:
            notes.append(f"{name}: {len(lines)} lines")
        elif len(lines) > 400 and name.startswith("src/"):
            notes.append(f"{name}: {len(lines)} lines (think)")
    for note in notes:
        print("note:", note)
    for rule in broken:
        print("rule:", rule)
    print(f"rules: {len(files)} files, {len(broken)} broken, {len(notes)} notes")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
