"""What was measured, in tables, and which goals that meets."""

import statistics


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def shown(value, digits=1):
    return "–" if value is None else f"{value:,.{digits}f}"


def table(head, rows):
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print()


def ratios(results, job, name):
    """CPU of `name` over that of wsbench, in the median over the rounds in which both had a turn."""
    pairs = zip(results[job].get(name, []), results[job]["wsbench"])
    return median([a["cpu"] / b["cpu"] for a, b in pairs if a and b and a.get("cpu") and b.get("cpu")])


def connects(results, name):
    return median([one["connects"] for one in results.get("idle", {}).get(name, []) if one])


def further(results, key, name, plan):
    """What a further quiet client takes: resident memory in KiB (`kib`), CPU seconds until it is there (`coming`)."""
    of = lambda job: median([one[key] for one in results.get(job, {}).get(name, []) if one])
    small, large = of("few"), of("idle")
    between = plan["idle"]["clients"] - plan["few"]["clients"]
    return None if small is None or large is None else (large - small) / between


def figures(results, best, plan):
    """Each goal in words, what was found (nothing if it was not measured), the bound, and whether it is the least."""
    over = lambda a, b: None if a is None or not b else a / b
    of_k6 = lambda job: over(1, ratios(results, job, "k6")) if job in results else None
    of_bare = lambda job: over(1, ratios(results, job, "bare tokio-tungstenite")) if job in results else None
    both = lambda key: [further(results, key, name, plan) for name in ("wsbench", "k6")]
    return [("connects/s over k6", over(connects(results, "wsbench"), connects(results, "k6")), 5, True),
            ("memory of a quiet client over k6", over(*both("kib")), 1 / 20, False),
            ("CPU per connect over k6", over(*both("coming")), 1 / 5, False),
            ("CPU per echo over k6", of_k6("echoes"), 1 / 8, False),
            ("CPU per echo over bare tokio-tungstenite", of_bare("echoes"), 1.15, False),
            ("CPU per delivery over bare tokio-tungstenite", of_bare("delivery"), 1.08, False),
            ("highest honest rate with one core over k6", over(best["wsbench"], best.get("k6")) if best else None, 5, True)]


def goals(results, best, plan):
    """Says of each goal that was measured whether it was met."""
    for words, value, bound, least in figures(results, best, plan):
        if value is not None:
            met = value >= bound if least else value <= bound
            verdict, side = "met   " if met else "MISSED", "least" if least else "most"
            print(f"{verdict}  {words}: {value:.3f}, goal: at {side} {bound:g}")


def tables(results, best, names, plan):
    of = lambda job, name, pick: median([pick(one) for one in results.get(job, {}).get(name, []) if one])
    if "idle" in results:
        cpu = lambda name: further(results, "coming", name, plan)
        each = lambda name: [shown(cpu(name) and 1e6 * cpu(name), 0), shown(further(results, "kib", name, plan))]
        rows = [[name, shown(connects(results, name), 0), *each(name)] for name in names]
        table(["quiet clients", "connects/s", "µs CPU per connect", "KiB per client"], rows)
    for job in (job for job in ("echo", "echoes", "delivery") if job in results):
        rows = []
        for name in names:
            both = lambda key: [of(job, name, lambda one: one[key] and one[key][at]) for at in (0, 1)]
            reported, truth = both("reported"), both("truth")
            rows.append([name, shown(of(job, name, lambda one: one["cpu"])), shown(ratios(results, job, name), 2),
                         shown(of(job, name, lambda one: one["achieved"])), *(shown(v, 2) for v in reported),
                         *(shown(v, 2) for v in truth)])
        rate, clients, rooms = (plan[job][key] for key in ("rate", "clients", "rooms"))
        print(f"asked: {rate} publications/s, {clients} clients in {rooms} rooms")
        table([job, "µs CPU each", "x wsbench", "said/s", "p50 ms", "p99 ms", "truly held p50", "p99"], rows)
