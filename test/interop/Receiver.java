import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileInputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A receiver of HL7 v2 with the HTTPS server of the JDK; takes port, certificate and key. */
class Receiver {
  public static void main(String[] args) throws Exception {
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
    var server = HttpsServer.create(address, 0);
    server.setHttpsConfigurator(new HttpsConfigurator(contextOf(args[1], args[2])));
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", exchange -> {
      var message = new String(exchange.getRequestBody().readAllBytes(), "UTF-8");
      var id = message.split("\\|")[9];
      var query = exchange.getRequestURI().getQuery();
      var answer = ("MSH|^~\\&|REGISTRY|CITYCARE|||20260102||ACK|R1|P|2.5.1\rMSA|AA|" + id + "|" + query + "\r").getBytes("UTF-8");
      exchange.getResponseHeaders().set("Content-Type", "application/hl7-v2");
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
  }

  static SSLContext contextOf(String certificate, String key) throws Exception {
    Certificate read;
    try (var in = new FileInputStream(certificate)) {
      read = CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
    var text = Files.readString(Path.of(key)).replaceAll("-----[A-Z ]+-----|\\s", "");
    var secret = KeyFactory.getInstance(read.getPublicKey().getAlgorithm())
      .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("server", secret, new char[0], new Certificate[] { read });
    var keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store, new char[0]);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }
}
