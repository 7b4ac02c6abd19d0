// A table of traces. Every row is a link, so that it opens in another tab like any link; a plain click stays in the app.
// Data: rows (see trace_list.py), columns (which to show), marks (words to mark in question and answer), picked (ids).

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component
  const body = parentElement.querySelector("tbody")
  const head = parentElement.querySelector("thead tr")
  const open = (traceId) => setTriggerValue("opened", traceId)
  const pattern = markPattern(data.marks)
  const picked = new Set(data.picked)
  const pick = (traceId, on) => {
    on ? picked.add(traceId) : picked.delete(traceId)
    setStateValue("picked", [...picked])
  }
  head.replaceChildren(...data.columns.map((column) => element("th", column.name, column.title)))
  body.replaceChildren(...data.rows.map((row) => rowElement(row, data.columns, pattern, open)))
  if (data.columns.some((column) => column.name === "pick")) tickable(body, picked, pick)
  body.onkeydown = walk
}

function tickable(body, picked, pick) {
  for (const line of body.querySelectorAll("tr")) {
    const box = element("input", "")
    box.type = "checkbox"
    box.ariaLabel = "Pick this trace"
    box.checked = picked.has(line.dataset.trace)
    box.onchange = () => pick(line.dataset.trace, box.checked)
    line.querySelector("td.pick").append(box)
  }
}

const CELLS = {
  pick: () => "",
  time: (row) => titled(element("span", "quiet", row.time), row.time_title),
  question: (row, pattern) => question(row, pattern),
  latency: (row) => latency(row),
  tokens: (row) => element("span", "", row.tokens),
  cost: (row) => titled(element("span", "", row.cost), row.cost_title),
  flag: (row) => flag(row),
  rating: (row) => element("span", row.bad_rating ? "bad" : "", row.rating),
}

function rowElement(row, columns, pattern, open) {
  const line = element("tr", "")
  line.dataset.trace = row.id
  for (const column of columns) {
    const cell = element("td", column.name)
    cell.append(CELLS[column.name](row, pattern))
    line.append(cell)
  }
  line.onclick = (event) => follow(event, row, open)
  return line
}

function follow(event, row, open) {
  if (event.target.closest("td.pick")) return
  if (event.ctrlKey || event.metaKey || event.shiftKey) {
    if (event.target.closest("a") === null) window.open(row.href, "_blank")
    return
  }
  event.preventDefault()
  open(row.id)
}

// Arrow keys go from link to link; enter opens the one in focus, as it does anywhere.
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  const links = [...event.currentTarget.querySelectorAll("a")]
  const next = links[links.indexOf(event.target) + step]
  if (next) next.focus()
  event.preventDefault()
}

function question(row, pattern) {
  const cell = element("div", "asked")
  const dot = titled(element("span", "dot"), row.status)
  dot.style.background = row.status_colour
  const link = element("a", "clamp")
  link.href = row.href
  marked(link, row.question, pattern)
  const texts = element("div", "texts")
  texts.append(link)
  if (row.answer) texts.append(marked(element("div", "line quiet", ""), row.answer, pattern))
  cell.append(dot, texts)
  return cell
}

function latency(row) {
  const cell = element("div", "latency")
  const track = element("div", "track")
  for (const [name, colour, share, said] of row.stages) {
    const part = titled(element("div", "part"), `${name} ${said}`)
    part.style.width = `${share * 100}%`
    part.style.background = colour
    track.append(part)
  }
  cell.append(track, element("span", "number", row.duration))
  return cell
}

function flag(row) {
  const cell = element("span", row.flagged ? "flagged" : "quiet")
  if (row.flagged) {
    const dot = element("span", "dot")
    dot.style.background = row.flag_colour
    cell.append(dot)
  }
  cell.append(row.flag)
  return cell
}

function markPattern(marks) {
  const escaped = marks.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  return escaped.length ? new RegExp(`(${escaped.join("|")})`, "gi") : null
}

function marked(target, text, pattern) {
  const pieces = pattern ? text.split(pattern) : [text]
  pieces.forEach((piece, at) => target.append(at % 2 ? element("mark", "", piece) : piece))
  return target
}

function titled(target, title) {
  if (title) target.title = title
  return target
}

function element(tag, className, text) {
  const made = document.createElement(tag)
  made.className = className
  if (text !== undefined) made.textContent = text
  return made
}
