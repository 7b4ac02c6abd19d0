"""The alerts page tells what somebody should know of at once, and whether it was said."""

from dashboard import alerts_data, alerts_events, alerts_form, alerts_page, filters

filters.current("alerts", ())
rows = alerts_data.rules()
sent = alerts_data.destinations()

alerts_page.numbers(rows, sent)
alerts_page.rules(rows, alerts_data.events(None, 500))
chosen = alerts_page.chosen(rows)
if chosen is not None:
    alerts_page.detail(chosen)
alerts_events.feed(None if chosen is None else chosen.rule_id)
alerts_events.destinations(sent)
alerts_form.draw(rows)
