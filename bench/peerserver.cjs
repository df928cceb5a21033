// PeerServer as its README has it; only the limit on clients is raised. node bench/peerserver.cjs PORT
const { PeerServer } = require('peer');

PeerServer({ port: Number(process.argv[2]), host: '127.0.0.1', path: '/', concurrent_limit: 100000 });
