"""The system page tells where every trace went, and what needs looking after."""

from dashboard import data, filters, layout, system_growth, system_page, system_senders, system_storage, system_watch

view = filters.current("system", ())
since = system_page.period(view)
lines = data.ledger(since.date())
report = data.receivers(since)

system_page.numbers(lines, report)
left, right = layout.wide_then_narrow()
with left:
    system_page.flow(lines, since)
with right:
    system_page.waiting(report)
system_page.losses(lines)
system_watch.watching(since)
system_senders.senders(report, since)
system_growth.growth()
system_storage.storage()
system_watch.questions(report)
system_storage.rules()
