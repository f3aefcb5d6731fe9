// SPDX-License-Identifier: Apache-2.0
// What a Node program does to its malloc: a compiler at run time, threads with heaps of their own that
// end at once, buffers outside of these heaps, a child process.
'use strict';
const { Worker, isMainThread, parentPort } = require('worker_threads');
const { createHash } = require('crypto');
const { deflateSync, inflateSync } = require('zlib');

function work(number) {
    const hash = createHash('sha256'), table = new Map(), buffers = [];
    for (let i = 0; i < 200000; i++)
        table.set(`k${number}.${i * 7 % 5003}`, { i, pair: [i, i + 1] });
    for (let i = 0; i < 2000; i++) {
        buffers.push(Buffer.alloc(1000 + i * 37 % 100000, i % 256));
        hash.update(buffers[buffers.length - 1]);
        if (buffers.length > 100)
            buffers.splice(0, 50);
    }
    const text = Buffer.from(JSON.stringify([...table]).repeat(8));
    if (!inflateSync(deflateSync(text)).equals(text))
        throw new Error('not what was deflated');
    return hash.update(text).digest('hex');
}

if (isMainThread) {
    const results = [];
    for (let number = 0; number < 4; number++) {
        const worker = new Worker(__filename);
        worker.on('message', (result) => {
            results.push(result);
            if (results.length === 4)
                console.log(results.sort().join('\n'));
        });
        worker.postMessage(number);
    }
    console.log(work(9));
    console.log(require('child_process').execSync('echo a child').toString().trim());
} else {
    parentPort.on('message', (number) => {
        parentPort.postMessage(work(number));
        parentPort.close();
    });
}
