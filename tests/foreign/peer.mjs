// A js-libp2p peer that speaks /slips/1.0: one line a stream. Told what to do by JSON lines on stdin,
// tells what happens by JSON lines on stdout; ends with its stdin.
import './older-node.mjs'
import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const PROTOCOL = '/slips/1.0'
const ANSWER_LIMIT_MS = 10_000

const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n')

/** The first line of a stream without its newline; null when the stream ends before one. */
async function readLine (stream) {
  let text = Buffer.alloc(0)
  for await (const chunk of stream.source) {
    text = Buffer.concat([text, Buffer.from(chunk.subarray())])
    const end = text.indexOf('\n')
    if (end >= 0) {
      return text.subarray(0, end).toString('utf8')
    }
  }
  return null
}

const write = (stream, line) => stream.sink([Buffer.from(line + '\n')])

const node = await createLibp2p({
  addresses: { listen: [process.argv[2] ?? '/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncryption: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() }
})

await node.handle(PROTOCOL, async ({ stream, connection }) => {
  const from = connection.remotePeer.toString()
  try {
    const line = await readLine(stream)
    const answers = { 'hello version1': 'hello version1', ping: 'pong' }
    if (answers[line] !== undefined) {
      await write(stream, answers[line])
    }
    tell({ event: 'line', from, line })
    await stream.close()
  } catch (error) {
    tell({ event: 'fault', from, reason: String(error) })
  }
}, { maxInboundStreams: 256 })

node.addEventListener('peer:connect', ({ detail }) => tell({ event: 'connected', from: detail.toString() }))
tell({ event: 'listening', address: node.getMultiaddrs()[0].toString(), peer: node.peerId.toString() })

for await (const command of createInterface({ input: process.stdin })) {
  const { address, line, answer } = JSON.parse(command)
  try {
    const stream = await node.dialProtocol(multiaddr(address), PROTOCOL, { maxOutboundStreams: 256 })
    await write(stream, line)
    if (answer) {
      const late = new Promise((resolve) => setTimeout(resolve, ANSWER_LIMIT_MS, null).unref())
      tell({ event: 'answer', line: await Promise.race([readLine(stream), late]) })
    } else {
      tell({ event: 'sent' })
    }
    await stream.close()
  } catch (error) {
    tell({ event: 'fault', reason: String(error) })
  }
}
await node.stop()
