import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.h2.mvstore.MVStore;

/** A server that speaks MongoDB's protocol and keeps what it has acknowledged: {@code java -cp 'libs/*' MongoEngine.java PORT FILE}. */
public final class MongoEngine {
    /** What today's drivers accept as the oldest server; the library's own newest version is too old for them. */
    private static final MongoVersion VERSION = new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    };

    /** Commands after which something is different. */
    private static final Set<String> WRITING = Set.of(
            "insert", "update", "delete", "findandmodify", "createindexes", "dropindexes", "create", "drop", "dropdatabase");

    private MongoEngine() {}

    /** One writing command at a time, committed before it is answered: H2 itself commits once a second. */
    private static final class DurableBackend extends H2Backend {
        private final Object turn = new Object();

        DurableBackend(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            String command = message.getDocument().keySet().iterator().next().toLowerCase(Locale.ROOT);
            if (!WRITING.contains(command)) {
                return super.handleMessage(message);
            }
            synchronized (turn) {
                try {
                    return super.handleMessage(message);
                } finally {
                    commit();
                }
            }
        }
    }

    public static void main(String[] arguments) {
        int port = Integer.parseInt(arguments[0]);
        MVStore store = new MVStore.Builder().fileName(arguments[1]).autoCommitDisabled().open();
        store.setRetentionTime(0); // what a commit replaced is written over at once: only a power cut could miss it
        H2Backend backend = new DurableBackend(store);
        backend.version(VERSION);
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind("127.0.0.1", port);
    }
}
