// What client libraries made for browsers look for in the page they are in. Imported before them.
import { WebSocket } from 'ws'

Object.assign(globalThis, {
  self: globalThis,
  WebSocket,
  document: { visibilityState: 'visible', hidden: false, addEventListener() {}, removeEventListener() {} },
  addEventListener() {},
  removeEventListener() {},
})
