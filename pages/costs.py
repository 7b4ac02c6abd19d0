"""Costs: where the money goes, where the month leads, and what could cost less."""

from dashboard import advice_cards, costs_budgets, costs_classes, costs_page, data, filters, layout, states

view = filters.current("costs", filters.EVERYTHING)
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())
totals = data.totals(chosen)

if totals.count:
    costs_page.numbers(view, totals, costs_page.totals_before(view))
    operation = costs_page.where(view)
else:
    states.empty("Nothing was asked in this time.", hint="Choose a longer time range, or make some traces.", chat=True)

left, right = layout.wide_then_narrow()
with left:
    costs_page.month(view, costs_budgets.budget_of(view))
with right:
    costs_budgets.budgets(view)

if totals.count:
    costs_page.dearest(view, operation)
    costs_page.unpriced(chosen, totals)
    costs_classes.classes(chosen)
    advice_cards.cards(chosen, view)
