// The tree and waterfall of one trace. Only the rows in sight are in the document, so 10,000 spans scroll like ten.
// Data: columns, rows (parents before children), ticks, start_ms, total_ms, initial, trace_id, height.

const ROW_PX = 26
const SPARE_ROWS = 8
const INDENT_PX = 14
const DEEPEST_INDENT = 16
const MOST_SEGMENTS = 200
const SETTLE_MS = 180

const views = new WeakMap()

export default function (component) {
  const { parentElement, data, setStateValue } = component
  let view = views.get(parentElement)
  if (!view) {
    view = new TraceView(parentElement)
    views.set(parentElement, view)
  }
  view.emit = (spanId) => setStateValue("selected", spanId)
  view.show(data)
  return () => view.close()
}

class TraceView {
  constructor(root) {
    this.frame = root.querySelector(".frame")
    this.scroller = root.querySelector(".scroller")
    this.space = root.querySelector(".space")
    this.ruler = root.querySelector(".ruler")
    this.search = root.querySelector("input")
    this.hits = root.querySelector(".hits")
    this.collapsed = new Set()
    this.found = new Set()
    this.scroller.onscroll = () => this.later()
    this.scroller.onkeydown = (event) => this.key(event)
    this.frame.onkeydown = (event) => this.slash(event)
    this.frame.addEventListener("focusout", () => this.settle())
    this.search.oninput = () => this.find()
    this.search.onkeydown = (event) => this.searchKey(event)
    root.querySelector(".fold").onclick = () => this.fold()
    root.querySelector(".unfold").onclick = () => this.unfold()
    this.watch = new ResizeObserver(() => this.later())
    this.watch.observe(this.scroller)
  }

  close() {
    this.watch.disconnect()
    clearTimeout(this.settling)
    views.delete(this.frame.getRootNode())
  }

  show(data) {
    if (data === this.data) return
    const another = !this.data || this.data.trace_id !== data.trace_id
    this.data = data
    this.frame.style.height = `${data.height}px`
    this.at = Object.fromEntries(data.columns.map((name, position) => [name, position]))
    this.rows = data.rows
    this.indexOf = new Map(this.rows.map((row, index) => [row[this.at.id], index]))
    if (another) {
      this.collapsed.clear()
      this.current = this.indexOf.get(data.initial) ?? 0
    }
    this.current = Math.min(this.current, Math.max(this.rows.length - 1, 0))
    this.drawRuler()
    this.layout()
    if (another) this.reveal(this.current)
  }

  value(index, column) {
    return this.rows[index][this.at[column]]
  }

  hasChildren(index) {
    return index + 1 < this.rows.length && this.value(index + 1, "depth") > this.value(index, "depth")
  }

  parentOf(index) {
    const depth = this.value(index, "depth")
    let at = index - 1
    while (at >= 0 && this.value(at, "depth") >= depth) at -= 1
    return at
  }

  // Which rows are not hidden inside a collapsed one.
  layout() {
    this.visible = []
    this.placeOf = new Map()
    let hiddenBelow = Infinity
    for (let index = 0; index < this.rows.length; index += 1) {
      const depth = this.value(index, "depth")
      if (depth > hiddenBelow) continue
      hiddenBelow = this.collapsed.has(index) ? depth : Infinity
      this.placeOf.set(index, this.visible.length)
      this.visible.push(index)
    }
    this.space.style.height = `${this.visible.length * ROW_PX}px`
    this.draw()
  }

  later() {
    if (this.pending) return
    this.pending = requestAnimationFrame(() => {
      this.pending = null
      this.draw()
    })
  }

  draw() {
    const top = Math.max(Math.floor(this.scroller.scrollTop / ROW_PX) - SPARE_ROWS, 0)
    const count = Math.ceil(this.scroller.clientHeight / ROW_PX) + 2 * SPARE_ROWS
    const rows = this.visible.slice(top, top + count).map((index, offset) => this.rowElement(index, top + offset))
    this.space.replaceChildren(...rows)
    this.scroller.setAttribute("aria-activedescendant", `span-${this.current}`)
  }

  rowElement(index, place) {
    const row = element("div", "row")
    row.id = `span-${index}`
    row.dataset.span = this.value(index, "id")
    row.style.top = `${place * ROW_PX}px`
    row.title = this.value(index, "title")
    row.setAttribute("role", "treeitem")
    row.setAttribute("aria-level", this.value(index, "depth") + 1)
    row.setAttribute("aria-selected", index === this.current)
    if (this.hasChildren(index)) row.setAttribute("aria-expanded", !this.collapsed.has(index))
    row.classList.toggle("chosen", index === this.current)
    row.classList.toggle("missed", Boolean(this.search.value) && !this.found.has(index))
    row.classList.toggle("failed", Boolean(this.value(index, "error")))
    row.onclick = () => this.choose(index)
    row.append(this.nameElement(index), this.barElement(index))
    return row
  }

  nameElement(index) {
    const name = element("div", "name")
    name.style.paddingLeft = `${Math.min(this.value(index, "depth"), DEEPEST_INDENT) * INDENT_PX}px`
    const toggle = element("span", "toggle", this.hasChildren(index) ? (this.collapsed.has(index) ? "▸" : "▾") : "")
    toggle.onclick = (event) => {
      event.stopPropagation()
      this.toggle(index)
    }
    const dot = element("span", "dot")
    dot.style.background = this.value(index, "colour")
    name.append(toggle, dot, element("span", "text", this.value(index, "name")))
    const decisions = this.value(index, "decisions")
    if (decisions) name.append(element("span", "decisions", `◆${decisions}`))
    if (this.value(index, "error")) name.append(element("span", "error", "failed"))
    return name
  }

  barElement(index) {
    const { start_ms: zero, total_ms: total } = this.data
    const percent = (ms) => (100 * (ms - zero)) / total
    const left = percent(this.value(index, "offset_ms"))
    const width = (100 * (this.value(index, "duration_ms") ?? 0)) / total
    const lane = element("div", "lane")
    const bar = element("div", "bar")
    bar.style.left = `${left}%`
    bar.style.width = `${width}%`
    bar.style.background = this.value(index, "colour")
    lane.append(bar, ...this.segments(index, percent), ...this.labels(index, left, width))
    return lane
  }

  // The stretches of the critical path, in full colour over the pale bar.
  segments(index, percent) {
    const bounds = this.value(index, "critical")
    const whole = [this.value(index, "offset_ms"), this.value(index, "offset_ms") + (this.value(index, "duration_ms") ?? 0)]
    const shown = bounds.length > 2 * MOST_SEGMENTS ? whole : bounds
    const drawn = []
    for (let at = 0; at < shown.length; at += 2) {
      const segment = element("div", "segment")
      segment.style.left = `${percent(shown[at])}%`
      segment.style.width = `${percent(shown[at + 1]) - percent(shown[at])}%`
      segment.style.background = this.value(index, "colour")
      drawn.push(segment)
    }
    return drawn
  }

  labels(index, left, width) {
    const label = element("span", "label", this.value(index, "label"))
    const note = element("span", "note", this.value(index, "note"))
    label.style.left = `calc(${left + width}% + 6px)`
    if (left + width <= 60) label.append(note)
    if (left + width <= 60 || !note.textContent) return [label]
    // No room behind the bar: before it, or on the end of a bar that leaves no room there either.
    const onTheBar = left < 40
    note.style.right = onTheBar ? `calc(${100 - left - width}% + 4px)` : `calc(${100 - left}% + 6px)`
    note.classList.add("label")
    note.classList.toggle("inside", onTheBar)
    return [label, note]
  }

  drawRuler() {
    const last = this.data.ticks.length - 1
    const ticks = this.data.ticks.map((text, at) => {
      const tick = element("span", at === last ? "tick last" : "tick", text)
      if (at === last) tick.style.right = "0"
      else tick.style.left = `${(100 * at) / last}%`
      return tick
    })
    this.ruler.replaceChildren(...ticks)
    const [before, end] = ticks.slice(-2).map((tick) => tick.getBoundingClientRect())
    if (end?.width && before.right + 4 > end.left) ticks[last - 1].textContent = ""  // no room for both
  }

  choose(index, settle = 0) {
    this.current = index
    this.draw()
    clearTimeout(this.settling)
    this.settling = setTimeout(() => this.settle(), settle)
  }

  // Said before the focus goes, as a link may take the reader away: what is said after that is taken for the page that
  // was left, and Streamlit shows that one again, empty.
  settle() {
    if (!this.settling) return
    clearTimeout(this.settling)
    this.settling = null
    this.emit(this.value(this.current, "id"))
  }

  toggle(index) {
    if (this.collapsed.has(index)) this.collapsed.delete(index)
    else if (this.hasChildren(index)) this.collapsed.add(index)
    this.layout()
  }

  fold() {
    this.rows.forEach((_, index) => {
      if (this.hasChildren(index) && this.value(index, "depth") > 0) this.collapsed.add(index)
    })
    while (this.value(this.current, "depth") > 1) this.current = this.parentOf(this.current)
    this.layout()
    this.reveal(this.current)
  }

  unfold() {
    this.collapsed.clear()
    this.layout()
    this.reveal(this.current)
  }

  reveal(index) {
    for (let at = this.parentOf(index); at >= 0; at = this.parentOf(at)) this.collapsed.delete(at)
    this.layout()
    const top = this.placeOf.get(index) * ROW_PX
    const seen = this.scroller.clientHeight - ROW_PX
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top
    else if (top > this.scroller.scrollTop + seen) this.scroller.scrollTop = top - seen
    this.draw()
  }

  slash(event) {
    if (event.key !== "/" || event.target === this.search) return
    event.preventDefault()
    this.search.focus()
  }

  key(event) {
    const page = Math.max(Math.floor(this.scroller.clientHeight / ROW_PX) - 1, 1)
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }
    if (event.key in steps) this.move(steps[event.key])
    else if (event.key === "ArrowRight") this.inwards()
    else if (event.key === "ArrowLeft") this.outwards()
    else if (event.key === "Enter") this.choose(this.current)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  move(step) {
    const place = Math.min(Math.max(this.placeOf.get(this.current) + step, 0), this.visible.length - 1)
    this.choose(this.visible[place], SETTLE_MS)
    this.reveal(this.current)
  }

  inwards() {
    if (this.collapsed.has(this.current)) this.toggle(this.current)
    else if (this.hasChildren(this.current)) this.move(1)
  }

  outwards() {
    if (this.hasChildren(this.current) && !this.collapsed.has(this.current)) this.toggle(this.current)
    else if (this.parentOf(this.current) >= 0) {
      this.choose(this.parentOf(this.current), SETTLE_MS)
      this.reveal(this.current)
    }
  }

  find() {
    const wanted = this.search.value.trim().toLowerCase()
    this.found = new Set()
    if (wanted) {
      this.rows.forEach((_, index) => {
        const text = `${this.value(index, "title")}\n${this.value(index, "note")}`.toLowerCase()
        if (text.includes(wanted)) this.found.add(index)
      })
    }
    this.hits.textContent = wanted ? `${this.found.size} of ${this.rows.length}` : ""
    const first = this.found.values().next()
    if (first.done) this.draw()
    else this.reveal(first.value)
  }

  searchKey(event) {
    event.stopPropagation()
    if (event.key === "Escape") {
      this.search.value = ""
      this.find()
      this.scroller.focus()
    } else if (event.key === "Enter" && this.found.size) {
      const order = [...this.found]
      const next = order.find((index) => index > this.current) ?? order[0]
      this.choose(next)
      this.reveal(next)
    }
  }
}

function element(tag, className, text) {
  const made = document.createElement(tag)
  made.className = className
  if (text !== undefined) made.textContent = text
  return made
}
