// `node record.mjs STORED OUT NAME…` plays the conversations of these names, writes each into the directory OUT, and
// says PASS where it is what is stored in STORED but for what every run makes anew. Exits with 1 where one is not.
import { readFileSync, writeFileSync } from 'node:fs'
import { end } from './stage.mjs'

/** Of every recording: times, tokens, and what its own file names. */
const ALWAYS = [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, /eyJ[\w-]+\.[\w-]+\.[\w-]+/g]

/** The sections without what every run makes anew, each with the client's lines before the server's: they may cross. */
function lasting(text, { anew, lines: split = (lines) => lines }) {
  const same = [...ALWAYS, ...anew].reduce((all, pattern) => all.replace(pattern, '…'), text)
  const sections = same.split('\n\n').slice(1)
  const told = (lines, server) => split(lines.filter((line) => line.startsWith('<') === server))
  return sections.map((section) => section.trim().split('\n')).flatMap((lines) => [...told(lines, false), ...told(lines, true)])
}

function stored(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const [from, out, ...names] = process.argv.slice(2)
for (const name of names) {
  const played = await import(`./${name}.mjs`)
  const old = lasting(stored(`${from}/${name}.txt`), played)
  try {
    const relay = await played.play()
    const text = relay.text([...played.about, `Recorded with node ${process.version}.`])
    const now = lasting(text, played)
    writeFileSync(`${out}/${name}.txt`, text)
    const at = now.findIndex((line, n) => line !== old[n])
    const same = at < 0 && now.length === old.length
    console.log(`${same ? 'PASS' : 'FAIL'}  ${name} (${played.about[0]})`)
    if (!same) {
      console.log(`  stored:   ${old[at < 0 ? now.length : at] ?? 'nothing more'}\n  recorded: ${now[at] ?? 'nothing more'}`)
      process.exitCode = 1
    }
  } finally {
    end()
  }
}
process.exit()
